//! `docker-compose.yml` and `Dockerfile`, as far as they can be checked without an engine: the program is run with the
//! commands and the environment that they set, and the health checks' questions are asked.

use crate::{
    api::server::run,
    folder::folder,
    postgres::Postgres,
    program::hrm,
    workers::{Process, Remote, ready},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace around this package").to_path_buf()
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The file, with `<<` merged.
fn compose() -> Value {
    let mut file: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text("docker-compose.yml")).expect("YAML");
    file.apply_merge().expect("merges of mappings");
    serde_json::to_value(file).expect("JSON has all that YAML has here")
}

fn words(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap_or_else(|| panic!("expected a list, found {list}"));
    list.iter().map(|word| word.as_str().unwrap_or_else(|| panic!("expected text, found {word}"))).collect()
}

/// The services whose image is built from this repository.
fn ours(compose: &Value) -> Vec<(&str, &Value)> {
    let services = compose["services"].as_object().expect("services");
    services.iter().filter(|(_, service)| service["build"].is_object()).map(|(name, it)| (name.as_str(), it)).collect()
}

/// A service's environment, in which secrets are files of this folder and every port is a free one.
fn environment(service: &Value, secrets: &Path) -> Vec<(String, String)> {
    let set = service["environment"].as_object().expect("an environment");
    let value = |(name, value): (&String, &Value)| {
        let value = value.as_str().unwrap_or_else(|| panic!("{name}: expected text, found {value}"));
        let value = value.replace("/run/secrets", secrets.to_str().expect("UTF-8")).replace(":8080", ":0");
        (name.clone(), value)
    };
    set.iter().map(value).collect()
}

/// Every variable that the program reads: those of its settings, and the log's.
fn known() -> BTreeSet<String> {
    let mut known = BTreeSet::from(["RUST_LOG".to_owned()]);
    for entry in fs::read_dir(root().join("api/src/config")).expect("a folder").map(|entry| entry.expect("a file")) {
        let source = fs::read_to_string(entry.path()).expect("a source file");
        let names = source.split("env = \"").skip(1).filter_map(|rest| rest.split_once('"'));
        known.extend(names.map(|(name, _)| name.to_owned()));
    }
    known
}

#[test]
fn every_variable_is_one_that_the_program_reads() {
    let (compose, known) = (compose(), known());
    let set = ours(&compose).into_iter().flat_map(|(_, service)| environment(service, Path::new("/")));
    let unknown: Vec<String> = set.map(|(name, _)| name).filter(|name| !known.contains(name)).collect();
    assert_eq!(unknown, [""; 0]);
    let dockerfile = text("Dockerfile");
    let set = dockerfile.lines().filter_map(|line| line.strip_prefix("ENV ")?.split_once('=')).map(|(name, _)| name);
    let unknown: Vec<&str> = set.filter(|name| !known.contains(*name)).collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn every_variable_stands_in_the_readme() {
    let readme = text("README.md");
    let missing: Vec<String> = known().into_iter().filter(|name| !readme.contains(&format!("| `{name}` |"))).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_service_restarts_and_is_asked_how_it_is_and_names_what_the_files_define() {
    let compose = compose();
    let stages: Vec<String> = text("Dockerfile")
        .lines()
        .filter_map(|line| line.strip_prefix("FROM ")?.split_once(" AS ").map(|(_, stage)| stage.to_owned()))
        .collect();
    for (name, service) in compose["services"].as_object().expect("services") {
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert!(words(&service["healthcheck"]["test"]).len() > 1, "{name} is not asked");
        for secret in words(&service["secrets"]) {
            let file =
                compose["secrets"][secret]["file"].as_str().unwrap_or_else(|| panic!("{name}: no secret {secret}"));
            assert!(file.starts_with("./secrets/"), "{file}");
        }
        for other in service["depends_on"].as_object().into_iter().flatten() {
            assert!(compose["services"][other.0].is_object(), "{name} depends on {}", other.0);
        }
    }
    for (name, service) in ours(&compose) {
        let target = service["build"]["target"].as_str().unwrap_or_else(|| panic!("{name}: no target"));
        assert!(stages.iter().any(|stage| stage == target), "{name}: expected one of {stages:?}, found {target}");
    }
    let volume = words(&compose["services"]["db"]["volumes"])[0];
    assert!(compose["volumes"].get(volume.split(':').next().expect("a name")).is_some(), "{volume}");
    let gpu = &compose["services"]["gpu-worker"];
    let devices = &gpu["deploy"]["resources"]["reservations"]["devices"][0];
    assert_eq!(words(&devices["capabilities"]), ["gpu", "compute", "utility"]);
    assert_eq!((&gpu["build"]["target"], words(&gpu["profiles"])), (&Value::from("cuda"), vec!["gpu"]));
    assert!(text("Dockerfile").contains("\nENTRYPOINT [\"hrm\"]\n"), "commands are the program's arguments");
}

#[test]
fn the_images_are_built_by_targets_of_the_makefile_and_copy_what_these_make() {
    let (dockerfile, makefile) = (text("Dockerfile").replace("\\\n", " "), text("Makefile"));
    let targets = |line: &str| -> Vec<String> {
        let words = line.split_once("make ").map(|(_, rest)| rest.split("&&").next().unwrap_or_default());
        words.into_iter().flat_map(str::split_whitespace).map(str::to_owned).collect()
    };
    let made: BTreeSet<String> = dockerfile.lines().filter(|line| line.starts_with("RUN ")).flat_map(targets).collect();
    assert_eq!(made, ["cuda", "program", "web"].map(str::to_owned).into());
    for target in made {
        assert!(makefile.contains(&format!("\n{target}: ")), "the Makefile makes no {target}");
    }
    // What each of them says that it makes.
    let copied = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY --from=build")?.split(' ').nth(1));
    let copied: Vec<&str> = copied.filter_map(|path| path.strip_prefix("/src/")).collect();
    assert_eq!(copied, ["target/release/hrm", "web/dist", "target/cuda/target/release/hrm"]);
    for path in copied {
        assert!(makefile.contains(path), "the Makefile speaks of no {path}");
    }
}

/// Compose, as a plugin of docker or as a program of its own; `HRM_COMPOSE` names another. None where there is none.
fn engine() -> Option<Vec<String>> {
    let named = std::env::var("HRM_COMPOSE").ok().map(|program| vec![program]);
    let known = [vec!["docker".to_owned(), "compose".to_owned()], vec!["docker-compose".to_owned()]];
    named.into_iter().chain(known).find(|words| {
        let version = Command::new(&words[0]).args(&words[1..]).args(["version", "--short"]).output();
        // Version 1 knows neither a project's name nor conditions of a start.
        version.is_ok_and(|out| out.status.success() && !out.stdout.starts_with(b"1."))
    })
}

#[test]
fn compose_reads_the_file_without_a_word_and_as_it_is_meant() {
    let Some(engine) = engine() else {
        return eprintln!(
            "skipped: neither `docker compose` nor `docker-compose` (version 2) is here; HRM_COMPOSE=PROGRAM names one"
        );
    };
    let mut command = Command::new(&engine[0]);
    command.args(&engine[1..]).args(["--profile", "*", "config", "--format", "json"]).current_dir(root());
    let output = command.output().expect("compose can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let written = compose();
    let names = |compose: &Value| -> Vec<String> {
        compose["services"].as_object().expect("services").keys().cloned().collect()
    };
    let (mut found, mut expected) = (names(&read), names(&written));
    found.sort();
    expected.sort();
    assert_eq!((found, &read["name"]), (expected, &written["name"]));
    for (name, service) in ours(&written) {
        let read = &read["services"][name];
        for part in ["command", "environment", "image", "init", "restart"] {
            assert_eq!(read[part], service[part], "{name}: {part}");
        }
        assert_eq!(read["build"]["target"], service["build"]["target"], "{name}");
        assert_eq!(read["healthcheck"]["test"], service["healthcheck"]["test"], "{name}");
    }
    let gpu = &read["services"]["gpu-worker"]["deploy"]["resources"]["reservations"]["devices"][0];
    assert_eq!(gpu["driver"], "nvidia");
    eprintln!("{} reads docker-compose.yml", engine.join(" "));
}

#[test]
fn the_services_run_with_the_commands_and_the_environment_of_the_file() {
    let (compose, database, folder) = (compose(), Postgres::start(), folder());
    fs::write(folder.path().join("database_url"), format!("{}\n", database.url())).expect("a secret");
    let command = |service: &Value| {
        let mut command = Command::new(hrm());
        command.args(words(&service["command"])).env_clear().envs(environment(service, folder.path()));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
        command
    };
    let api = &compose["services"]["api"];
    let hrm = |service: &Value, arguments: &[&str], input: &str| {
        let mut command = Command::new(hrm());
        command.args(arguments).env_clear().envs(environment(service, folder.path()));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        run(command, input)
    };
    // Before anybody has an account it does not start.
    let refused = hrm(api, &words(&api["command"]), "");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("hrm user add"), "{said}");
    let added = hrm(api, &["user", "add", "ann"], "correct horse battery\n");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let (server, address) = ready(command(api));
    let remote = Remote::at(address.replace("0.0.0.0", "127.0.0.1"));
    // What the health checks ask.
    let check = words(&compose["services"]["api"]["healthcheck"]["test"]).pop().expect("an address").to_owned();
    let path = check.strip_prefix("http://127.0.0.1:8080").expect("the server's own address");
    assert_eq!(remote.get(path).status(), 200);
    for (name, service) in ours(&compose).into_iter().filter(|(name, _)| name.ends_with("worker")) {
        let check = words(&service["healthcheck"]["test"]);
        assert_eq!(check[..2], ["CMD", "hrm"], "{name}");
        assert!(!hrm(service, &check[2..], "").status.success(), "{name}: nobody is at work yet");
        let mut worker = command(service);
        if service["environment"]["HRM_DEVICE"] == "cuda" {
            let refused = command(service).stderr(Stdio::piped()).output().expect("hrm can be started");
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            // The program of the tests is built for processors; the image's is not.
            assert!(refused.status.code() == Some(1) && said.contains("built for processors alone"), "{said}");
            worker.env("HRM_DEVICE", "cpu");
        }
        let worker = Process(worker.spawn().expect("hrm can be started"));
        let begun = Instant::now();
        while !hrm(service, &check[2..], "").status.success() {
            assert!(begun.elapsed() < Duration::from_mins(3), "{name} does not begin");
        }
        drop(worker);
        eprintln!("{name} is at work and ends");
    }
    drop(server);
}
