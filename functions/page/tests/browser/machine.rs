//! A visitor's machine: its browser, and its fonts by name, because no result may depend on those of this machine.

use harness::tools::not_run;
use std::path::{Path, PathBuf};

const CHROMIUM: [&str; 3] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
];

/// A browser on a machine with the fonts of one set.
pub struct Chromium {
    pub path: &'static Path,
    pub fonts: &'static Fonts,
}

/// Where the browser is, or `None` (said on the terminal) where it or a font is missing and none is required.
pub fn chromium(fonts: &'static Fonts) -> Option<Chromium> {
    let found = CHROMIUM.iter().map(Path::new).find(|path| path.exists());
    if found.is_none() {
        not_run("the browser tests need Chromium", "chromium").unwrap();
    }
    let path = found?;
    fonts.are_here().then_some(Chromium { path, fonts })
}

/// A set of fonts and the Debian package that brings it.
pub struct Fonts {
    pub name: &'static str,
    package: &'static str,
    folder: &'static str,
    files: [&'static str; 2],
}

/// What most Android phones have. The page's style asks for it by name.
pub static ROBOTO: Fonts = Fonts {
    name: "Roboto",
    package: "fonts-roboto-unhinted",
    folder: "/usr/share/fonts/truetype/roboto/unhinted/RobotoTTF",
    files: ["Roboto-Regular.ttf", "Roboto-Bold.ttf"],
};

/// What a Linux desktop shows for want of the fonts that the page asks for. Its letters are a fifth wider.
pub static DEJAVU: Fonts = Fonts {
    name: "DejaVu Sans",
    package: "fonts-dejavu-core",
    folder: "/usr/share/fonts/truetype/dejavu",
    files: ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"],
};

impl Fonts {
    /// Whether the set is on this machine. If not, that is said on the terminal.
    pub fn are_here(&self) -> bool {
        let all = self.files.iter().all(|file| self.path(file).exists());
        if !all {
            let need = format!("the browser tests with {} need the font", self.name);
            not_run(&need, self.package).unwrap();
        }
        all
    }

    fn path(&self, file: &str) -> PathBuf {
        Path::new(self.folder).join(file)
    }

    /// Writes a configuration of fontconfig that knows this set alone, and returns its file.
    pub fn configure(&self, folder: &Path) -> PathBuf {
        let fonts = folder.join("fonts");
        std::fs::create_dir_all(&fonts).unwrap();
        for file in self.files {
            std::os::unix::fs::symlink(self.path(file), fonts.join(file)).unwrap();
        }
        let (shown, name) = (fonts.display(), self.name);
        let xml = format!(
            "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n<fontconfig>\n\
             <dir>{shown}</dir>\n<cachedir>{shown}/cache</cachedir>\n\
             <alias><family>sans-serif</family><prefer><family>{name}</family></prefer></alias>\n</fontconfig>\n"
        );
        let file = folder.join("fonts.conf");
        std::fs::write(&file, xml).unwrap();
        file
    }
}
