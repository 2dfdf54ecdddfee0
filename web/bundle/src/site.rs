//! The files of the site: names after content, references between them, the page that starts everything.

use crate::{File, bind::Bound, compress, split};
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::{fs, path::Path};

/// The style sheets, in the order of the cascade.
const STYLES: [&str; 17] = [
    "tokens", "elements", "layout", "controls", "grid", "chart", "rows", "solve", "boards", "forms", "runs", "run",
    "scores", "data", "batches", "team", "print",
];

/// Those of the pages that the server writes itself, which know no hashes.
const DOOR_STYLES: [&str; 3] = ["tokens", "elements", "door"];

/// Everything that goes into `dist`, from the folder `web`.
pub(crate) fn assemble(web: &Path, bound: Bound) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let asset = |name: &str| fs::read(web.join("assets").join(name)).with_context(|| format!("web/assets/{name}"));

    let font = add_hashed(&mut files, "hrm-sans", "woff2", asset("hrm-sans.woff2")?)?;
    let theme = add_hashed(&mut files, "theme", "js", asset("theme.js")?)?;
    let style = add_hashed(&mut files, "style", "css", style_sheet(web, &STYLES, &font)?)?;
    let wasm = add_hashed(&mut files, "hrm-web", "wasm", bound.wasm)?;
    for (path, source) in bound.snippets {
        files.push(compressed(format!("assets/{path}"), source.into_bytes())?);
    }
    let js = add_program(&mut files, &bound.js, bound.link, bound.parts)?;
    let boot = format!("import start from \"{js}\";\nstart({{ module_or_path: \"{wasm}\" }});\n");
    let boot = add_hashed(&mut files, "boot", "js", boot.into_bytes())?;

    files.push(compressed("favicon.svg".into(), asset("favicon.svg")?)?);
    for (path, bytes) in [("door.css", style_sheet(web, &DOOR_STYLES, &font)?), ("theme.js", asset("theme.js")?)] {
        let mut file = compressed(path.into(), bytes)?;
        file.first = false;
        files.push(file);
    }
    let names = [
        ("{{style}}", &style),
        ("{{theme}}", &theme),
        ("{{font}}", &font),
        ("{{wasm}}", &wasm),
        ("{{js}}", &js),
        ("{{boot}}", &boot),
    ];
    let mut html = String::from_utf8(asset("index.html")?).context("web/assets/index.html")?;
    for (placeholder, path) in names {
        ensure!(html.contains(placeholder), "expected {placeholder} in web/assets/index.html");
        html = html.replace(placeholder, path);
    }
    files.push(compressed("index.html".into(), html.into_bytes())?);
    Ok(files)
}

/// Adds the parts of the program and the JavaScript that starts it and fetches them; the address of what starts it. The two
/// scripts name each other, so they bear the hash of both.
fn add_program(files: &mut Vec<File>, js: &str, mut link: String, parts: Vec<(String, Vec<u8>)>) -> Result<String> {
    for (name, part) in parts {
        let address = add_hashed(files, &name, "wasm", part)?;
        files.last_mut().context("a part was added")?.first = false;
        let named = format!("\"./{name}.wasm\"");
        ensure!(link.contains(&named), "expected {named} in the script that fetches parts");
        link = link.replace(&named, &format!("\"{address}\""));
    }
    let hash = content_hash(&[link.as_bytes(), js.as_bytes()]);
    let (main_name, link_name) = (format!("hrm-web-{hash}.js"), format!("parts-{hash}.js"));
    let js = renamed(js, split::LINK, &format!("./{link_name}"))?;
    let link = renamed(&link, split::MAIN, &format!("./{main_name}"))?;
    files.push(compressed(format!("assets/{link_name}"), link.into_bytes())?);
    files.push(compressed(format!("assets/{main_name}"), js.into_bytes())?);
    Ok(format!("/assets/{main_name}"))
}

/// `script` where it imports `to` instead of `from`.
fn renamed(script: &str, from: &str, to: &str) -> Result<String> {
    let import = |name: &str| format!("from \"{name}\"");
    let quotes = ['"', '\''].map(|quote| import(from).replace('"', &quote.to_string()));
    ensure!(quotes.iter().any(|import| script.contains(import)), "expected an import of {from}");
    Ok(quotes.iter().fold(script.to_owned(), |script, quoted| script.replace(quoted, &import(to))))
}

/// Style sheets as one, without comments and indentation.
fn style_sheet(web: &Path, styles: &[&str], font: &str) -> Result<Vec<u8>> {
    let mut sheet = String::new();
    for name in styles {
        let path = web.join("style").join(format!("{name}.css"));
        sheet += &fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    }
    let sheet = sheet.replace("{{font}}", font);
    Ok(without_comments(&sheet)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
        .into())
}

fn without_comments(css: &str) -> String {
    let mut rest = css;
    let mut kept = String::with_capacity(css.len());
    while let Some((before, comment)) = rest.split_once("/*") {
        kept += before;
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    kept + rest
}

/// Adds `assets/NAME-HASH.EXTENSION` and returns its address.
fn add_hashed(files: &mut Vec<File>, name: &str, extension: &str, bytes: Vec<u8>) -> Result<String> {
    let path = format!("assets/{name}-{}.{extension}", content_hash(&[&bytes]));
    let address = format!("/{path}");
    files.push(compressed(path, bytes)?);
    Ok(address)
}

/// The first 64 bits of the SHA-256 of `parts` in a row, in hexadecimal digits.
fn content_hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let first = hash.finalize().iter().take(8).fold(0_u64, |first, byte| first << 8 | u64::from(*byte));
    format!("{first:016x}")
}

fn compressed(path: String, bytes: Vec<u8>) -> Result<File> {
    // woff2 is brotli inside.
    if Path::new(&path).extension().is_some_and(|extension| extension == "woff2") {
        return Ok(File { path, bytes, gzip: None, brotli: None, first: true });
    }
    let (gzip, brotli) = (Some(compress::gzip(&bytes)?), Some(compress::brotli(&bytes)?));
    Ok(File { path, bytes, gzip, brotli, first: true })
}
