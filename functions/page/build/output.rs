//! Compresses the served files and writes them, with the tables that list them, into the build's output directory.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Brotli's maximum; it takes a tenth of a second per page, at build time only.
const BROTLI_QUALITY: u32 = 11;
const BROTLI_WINDOW: u32 = 22;
const HTML: &str = "text/html; charset=utf-8";

/// The first 16 hexadecimal digits of the content's SHA-256.
pub fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    hash.iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The hash source that allows this inline script or style.
pub fn policy_hash(content: &str) -> String {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(content.as_bytes()));
    format!("'sha256-{hash}'")
}

pub struct Output {
    dir: PathBuf,
    /// From the name in `web` to the served name.
    names: BTreeMap<String, String>,
    assets: String,
    documents: String,
    not_found: String,
    privacy: String,
}

impl Output {
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            names: BTreeMap::new(),
            assets: String::new(),
            documents: String::new(),
            not_found: String::new(),
            privacy: String::new(),
        }
    }

    /// Adds an asset; its served name holds its digest.
    pub fn asset(&mut self, name: &str, content: &[u8]) -> Result<(), String> {
        self.asset_with(name, content, None)
    }

    /// The same with a Content-Security-Policy, for what runs in a context of its own.
    pub fn asset_with(&mut self, name: &str, content: &[u8], policy: Option<&str>) -> Result<(), String> {
        let (stem, extension) = name.rsplit_once('.').ok_or(format!("{name} has no extension"))?;
        let media_type = match extension {
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "txt" => "text/plain; charset=utf-8",
            "html" => HTML,
            "webmanifest" => "application/manifest+json",
            _ => return Err(format!("{name}: what media type is it?")),
        };
        let served = format!("{stem}-{}.{extension}", digest(content));
        let file = self.content(&served, media_type, content, policy)?;
        let _ = writeln!(self.assets, "({served:?}, {file}),");
        self.names.insert(name.to_owned(), served);
        Ok(())
    }

    /// Replaces each `{{asset:name}}` with the served path.
    pub fn with_assets(&self, text: &str) -> Result<String, String> {
        let filled = self.names.iter().fold(text.to_owned(), |filled, (name, served)| {
            filled.replace(
                &format!("{{{{asset:{name}}}}}"),
                &format!("/proftest/assets/{served}"),
            )
        });
        match filled.split_once("{{") {
            Some((_, rest)) => Err(format!(
                "nothing is known for {{{{{:.40}",
                rest.lines().next().unwrap_or("")
            )),
            None => Ok(filled),
        }
    }

    /// Adds a campaign's document. The empty slug stands for every campaign that is not listed.
    pub fn document(&mut self, slug: &str, html: &str, policy: &str) -> Result<(), String> {
        let document = self.html(&format!("page-{slug}.html"), html, policy)?;
        let _ = writeln!(self.documents, "({slug:?}, {document}),");
        Ok(())
    }

    /// Sets the document for unknown paths.
    pub fn not_found(&mut self, html: &str, policy: &str) -> Result<(), String> {
        self.not_found = self.html("404.html", html, policy)?;
        Ok(())
    }

    /// Sets the sample of a privacy policy.
    pub fn privacy(&mut self, html: &str, policy: &str) -> Result<(), String> {
        self.privacy = self.html("privacy.html", html, policy)?;
        Ok(())
    }

    fn html(&self, file: &str, html: &str, policy: &str) -> Result<String, String> {
        self.content(file, HTML, html.as_bytes(), Some(policy))
    }

    /// Writes the content and its compressed forms; returns a Rust expression for it.
    fn content(
        &self,
        file: &str,
        media_type: &str,
        content: &[u8],
        policy: Option<&str>,
    ) -> Result<String, String> {
        let mut encodings = String::new();
        // PNG is compressed already.
        if media_type != "image/png" {
            for (name, compressed) in [("br", brotli(content)), ("gzip", gzip(content))] {
                let compressed = compressed.map_err(|error| format!("{file}: {error}"))?;
                let written = self.write(&format!("{file}.{name}"), &compressed)?;
                let _ = write!(encodings, "({name:?}, {written}), ");
            }
        }
        let plain = self.write(file, content)?;
        let tag = digest(content);
        Ok(format!(
            "Content {{ media_type: {media_type:?}, tag: {tag:?}, plain: {plain}, \
             encodings: &[{encodings}], policy: {policy:?} }}"
        ))
    }

    /// Writes a file; returns a Rust expression for its bytes.
    fn write(&self, file: &str, content: &[u8]) -> Result<String, String> {
        let path = self.dir.join(file);
        std::fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\"))"))
    }

    pub fn finish(&self) -> Result<(), String> {
        let Self {
            assets,
            documents,
            not_found,
            privacy,
            ..
        } = self;
        let tables = format!(
            "Files {{ documents: &[{documents}], assets: &[{assets}], not_found: {not_found}, privacy: {privacy} }}\n"
        );
        self.write("files.rs", tables.as_bytes()).map(|_| ())
    }
}

fn brotli(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut compressed, 4096, BROTLI_QUALITY, BROTLI_WINDOW);
    writer.write_all(content)?;
    writer.flush()?;
    drop(writer);
    Ok(compressed)
}

fn gzip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(content)?;
    writer.finish()
}
