//! The rules of the funnel, free of SQL, HTTP and vendors.

/// An enum with its words in SQL, links and logs.
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$of])* $variant,)*
        }

        impl $name {
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// `None` for an unknown word.
            pub fn parse(raw: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.as_str() == raw)
            }
        }
    };
}

pub mod contact;
pub mod crm;
pub mod delivery;
pub mod guard;
pub mod hit;
pub mod ids;
pub mod limits;
pub mod message;
pub mod metadata;
pub mod quiz;
pub mod receipt;
pub mod recipient;
pub mod retention;
pub mod retry;
