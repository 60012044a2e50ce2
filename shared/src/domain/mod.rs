//! What the funnel is about, free of SQL, HTTP and vendors. Values are parsed once, at the edge; nothing
//! deeper accepts a bare string in their place.

pub mod contact;
