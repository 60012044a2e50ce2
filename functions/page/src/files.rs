//! What is served, as `build.rs` made it.

/// A file in every form in which it is sent.
#[derive(Debug)]
pub struct Content {
    /// Its `content-type`.
    pub media_type: &'static str,
    /// Names the content: equal tags, equal bytes.
    pub tag: &'static str,
    /// As it is.
    pub plain: &'static [u8],
    /// Compressed: the name of the coding, and the bytes; the better first.
    pub encodings: &'static [(&'static str, &'static [u8])],
}

/// An HTML document.
#[derive(Debug)]
pub struct Document {
    /// The document.
    pub content: Content,
    /// Its Content-Security-Policy.
    pub policy: &'static str,
}

/// Everything.
#[derive(Debug)]
pub struct Files {
    /// By campaign; first, with an empty slug, that of every campaign that is not listed.
    pub documents: &'static [(&'static str, Document)],
    /// By served name, which holds a digest of the content.
    pub assets: &'static [(&'static str, Content)],
    /// For a path that there is not.
    pub not_found: Document,
}

/// What is served.
pub static FILES: Files = include!(concat!(env!("OUT_DIR"), "/files.rs"));

impl Files {
    /// The document of this campaign.
    pub fn document(&self, slug: &str) -> &Document {
        let listed = self.documents.iter().find(|(name, _)| *name == slug);
        listed.map_or(&self.documents[0].1, |(_, document)| document)
    }

    /// The asset of this served name.
    pub fn asset(&self, name: &str) -> Option<&Content> {
        let (_, asset) = self.assets.iter().find(|(served, _)| *served == name)?;
        Some(asset)
    }
}
