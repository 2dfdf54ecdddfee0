//! axe-core on every page, in both themes.

use super::{
    driver::{Screen, has_browser, journey_at, shared_server},
    places,
    tab::Tab,
};
use serde_json::Value;
use std::{fs, path::Path};

/// Where `tests/setup.sh test` puts it, below the workspace's root.
const AXE: &str = "target/axe-core/axe.min.js";

/// What axe-core found on the page that is shown, one a line: how grave it is, its rule and the elements.
const FINDINGS: &str = "
    const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ['violations'] }).then(result => done(result.violations.map(violation => {
        const where = violation.nodes.map(node => node.target.join(' ') + ' (' + node.any.map(check => check.message).join('; ') + ')');
        return violation.impact + ' ' + violation.id + ': ' + where.slice(0, 4).join(' | ');
    })));
";

/// The program of axe-core; none where it is not there, which an automatic run is not satisfied with.
pub(super) fn program() -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace around this package");
    let found = fs::read_to_string(root.join(AXE)).ok();
    if found.is_none() {
        let missing = format!("{AXE} was not found; tests/setup.sh test brings it, with npm");
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("skipped: {missing}");
    }
    found
}

/// What axe-core finds on the page that is shown.
pub(super) async fn findings(tab: &Tab, axe: &str) -> Vec<String> {
    tab.run(axe).await;
    let found = tab.run_async(FINDINGS).await;
    found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn axe_finds_nothing_serious_on_any_page_in_either_theme() {
    let Some(axe) = program().filter(|_| has_browser()) else { return };
    let server = shared_server();
    let pages = places::all(&server);
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        let mut serious = Vec::new();
        for theme in ["light", "dark"] {
            tab.open("/").await;
            tab.choose_theme(theme).await;
            for (_, page) in &pages {
                places::open(&tab, page).await;
                for finding in findings(&tab, &axe).await {
                    eprintln!("{page} ({theme}): {finding}");
                    if ["serious", "critical", "moderate heading-order"].iter().any(|bad| finding.starts_with(bad)) {
                        serious.push(format!("{page} ({theme}): {finding}"));
                    }
                }
            }
        }
        assert!(serious.is_empty(), "{}", serious.join("\n"));
    });
}
