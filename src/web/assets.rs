//! The files of the page, in the binary. Their addresses carry a hash of their content, so that a
//! browser may keep them for ever and never mixes two versions.

use std::sync::LazyLock;

/// A file that pages refer to.
#[derive(Debug)]
pub struct Asset {
    /// Its address, `/assets/app.0123456789abcdef.css`.
    pub path: String,
    /// Its media type.
    pub kind: &'static str,
    /// What it contains.
    pub body: &'static str,
}

impl Asset {
    fn new(kind: &'static str, name: &str, ending: &str, body: &'static str) -> Asset {
        let path = format!("/assets/{name}.{:016x}.{ending}", hash(body.as_bytes()));
        Asset { path, kind, body }
    }

    /// Its entity tag, with the quotes.
    pub fn etag(&self) -> String {
        format!("\"{:016x}\"", hash(self.body.as_bytes()))
    }
}

/// How the page looks.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("text/css; charset=utf-8", "app", "css", include_str!("assets/app.css"))
});

/// What the list does beyond its forms and links: one module, written in several files.
pub static LIST: LazyLock<Asset> = LazyLock::new(|| {
    let body = concat!(
        include_str!("assets/words.js"),
        include_str!("assets/common.js"),
        include_str!("assets/dialogs.js"),
        include_str!("assets/actions.js"),
        include_str!("assets/list.js"),
    );
    Asset::new("text/javascript; charset=utf-8", "list", "js", body)
});

/// What the view of a log does beyond its links.
pub static LOG: LazyLock<Asset> = LazyLock::new(|| {
    let body = concat!(
        include_str!("assets/words.js"),
        include_str!("assets/common.js"),
        include_str!("assets/dialogs.js"),
        include_str!("assets/ansi.js"),
        include_str!("assets/search.js"),
        include_str!("assets/log.js"),
    );
    Asset::new("text/javascript; charset=utf-8", "log", "js", body)
});

/// What stands in the browser's tab.
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("image/svg+xml", "icon", "svg", include_str!("assets/icon.svg")));

/// The file at an address; the icon also answers where browsers look for one.
pub fn at(path: &str) -> Option<&'static Asset> {
    if matches!(path, "/favicon.svg" | "/favicon.ico") {
        return Some(&*ICON);
    }
    [&*STYLE, &*LIST, &*LOG, &*ICON].into_iter().find(|asset| asset.path == path)
}

/// FNV-1a: it only has to differ when a file does.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_at_its_address_and_at_no_other() {
        for asset in [&*STYLE, &*LIST, &*LOG, &*ICON] {
            assert_eq!(at(&asset.path).map(|found| &found.path), Some(&asset.path));
            assert!(asset.path.contains(asset.etag().trim_matches('"')));
        }
        assert_eq!(at("/favicon.ico").map(|icon| icon.kind), Some("image/svg+xml"));
        assert!(at("/assets/app.css").is_none());
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for asset in [&*STYLE, &*LIST, &*LOG] {
            assert!(!asset.body.contains("//cdn") && !asset.body.contains("https:"));
        }
        for asset in [&*LIST, &*LOG] {
            assert!(!asset.body.contains("HTML =") && !asset.body.contains("eval("));
        }
    }
}
