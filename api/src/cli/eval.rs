//! `hrm eval`: a checkpoint's score on puzzles.
#![expect(clippy::print_stdout, reason = "the score is the command's output")]

use super::{
    checkpoint::{self, Output},
    interrupt, measure, owning_team,
    puzzles::{self, Shelf},
    queue::{Enqueue, how_to_ask},
    report, session,
};
use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use hrm_api::{
    config::DatabaseConfig,
    leaderboard::group_hash,
    queue::StopSignal,
    store::{access::Viewer, datasets, evaluation_jobs, models},
};
use hrm_model::{
    CheckpointInfo,
    data::{self, Dataset},
    device::DeviceChoice,
    eval,
};
use hrm_types::{
    board::Kind,
    dataset::Split,
    evaluation::Protocol,
    experiment::DataSpec,
    job::{EvaluationSpec, LOCAL},
    question::Size,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Measure a checkpoint's accuracy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm eval --config configs/sudoku-6x6.toml                          the model of its name that ships, on its test split
  hrm eval --checkpoint sudoku-6x6 --dataset my-puzzles              another model that ships
  hrm eval --checkpoint sudoku.safetensors --dataset my-puzzles      on the test split of a stored dataset
  hrm eval --checkpoint sudoku.safetensors --csv test.csv.gz --limit 1000 --steps 16
  hrm eval --csv test.csv.gz --attempts 32                           solved within 1, 2, 4, … 32 attempts
  hrm eval --checkpoint seed-*.safetensors --dataset mazes           the mean over seeds with its interval
  hrm eval --checkpoint arc.safetensors --dataset arc-1 --voting 1000 --submission submission.json
  hrm eval --model sudoku-6x6 --dataset my-puzzles --queue           a stored model, measured by a worker")]
pub(crate) struct Eval {
    /// The checkpoint: a file, the folder that an import made, or the name of a model that ships; several, of runs that
    /// differ in their seed alone, are measured one by one, and then their mean with its interval
    /// [default: the model that ships under the name of --config's experiment, or else the best that ships for such
    /// puzzles]
    #[arg(long, value_name = "FILE_OR_NAME", num_args = 1.., verbatim_doc_comment)]
    checkpoint: Vec<PathBuf>,
    /// The stored model that a worker measures, by name or id; with --dataset and --queue only
    #[arg(long, value_name = "NAME_OR_ID", requires_all = ["queue", "dataset"])]
    #[arg(conflicts_with_all = ["checkpoint", "config", "csv"])]
    model: Option<String>,
    #[command(flatten)]
    puzzles: Puzzles,
    /// The split
    #[arg(long, value_enum, default_value_t = Part::Test)]
    split: Part,
    /// Kind of the puzzles in --csv
    #[arg(long, value_enum, default_value_t = CsvKind::Sudoku, requires = "csv")]
    kind: CsvKind,
    /// Evaluate the first N puzzles only; the score then says "N of" all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Take exactly N ACT steps, or with Q halt when `q_halt` > `q_continue`
    #[arg(long, value_name = "N|Q", default_value = "Q", value_parser = parse_steps)]
    steps: Steps,
    /// With --steps Q: ACT steps at most, also more than the model was trained with [default: as many]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    max_steps: Option<u32>,
    /// What computes: cpu, cuda, cuda:N, or auto: the first GPU if the program is built for GPUs and there is one
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Auto)]
    #[arg(conflicts_with = "queue")]
    device: DeviceChoice,
    /// Sudokus and mazes: make up to N attempts at every puzzle until the rules accept an answer, the first at the puzzle as
    /// it is, the others at other views of it; the score then counts them, too
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), verbatim_doc_comment)]
    attempts: Option<u32>,
    /// ARC: vote over N variants of every task beside the task itself
    #[arg(long, value_name = "N")]
    voting: Option<u32>,
    /// ARC: read every pair under the blank puzzle identifier
    #[arg(long)]
    blank_identifiers: bool,
    /// ARC: write the two most voted answers in the public scorer's format
    #[arg(long, value_name = "FILE")]
    submission: Option<PathBuf>,
    #[command(flatten)]
    queue: Enqueue,
    /// The team that the evaluation belongs to, whose datasets and models names mean first
    #[arg(long, value_name = "NAME", default_value = LOCAL, requires = "queue")]
    team: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Puzzles {
    /// The puzzles of this experiment
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// This stored dataset
    #[arg(long, value_name = "NAME_OR_ID")]
    dataset: Option<String>,
    /// All puzzles of this CSV file, plain or .gz
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Part {
    Train,
    Validation,
    Test,
}

impl From<Part> for Split {
    fn from(part: Part) -> Self {
        match part {
            Part::Train => Self::Train,
            Part::Validation => Self::Validation,
            Part::Test => Self::Test,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CsvKind {
    Sudoku,
    Maze,
}

impl From<CsvKind> for Kind {
    fn from(kind: CsvKind) -> Self {
        match kind {
            CsvKind::Sudoku => Self::Sudoku,
            CsvKind::Maze => Self::Maze,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Steps {
    Q,
    Exactly(u32),
}

fn parse_steps(text: &str) -> Result<Steps, String> {
    match text.parse() {
        _ if text.eq_ignore_ascii_case("q") => Ok(Steps::Q),
        Ok(steps) if Protocol::STEPS.contains(&steps) => Ok(Steps::Exactly(steps)),
        _ => Err(format!("expected Q or 1 to {}", Protocol::STEPS.end())),
    }
}

impl Eval {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let bounded = matches!(self.steps, Steps::Q) || self.max_steps.is_none();
        ensure!(bounded, "--max-steps: expected only with --steps Q, found beside a number of steps");
        if self.queue.queue { self.enqueue() } else { self.measure() }
    }

    fn enqueue(&self) -> anyhow::Result<ExitCode> {
        let (Some(model), Some(dataset)) = (&self.model, &self.puzzles.dataset) else {
            bail!("a queued evaluation needs what is stored: expected --model and --dataset");
        };
        if self.submission.is_some() {
            bail!("a worker writes no files: expected no --submission with --queue");
        }
        let queued = session::with_database(&self.database, async |pool| {
            let team = owning_team::named(pool, &self.team).await?;
            // Names mean what the team may read: its scores must not rest on what another one keeps to itself.
            let viewer = Viewer::Teams(vec![team.0]);
            let model = models::find(pool, &viewer, model).await?;
            let dataset = datasets::find(pool, &viewer, dataset).await?;
            if model.kind != dataset.kind.as_str() || model.side != dataset.side {
                bail!(
                    "{} solves {} of side {}, {} is {} of side {}",
                    model.name,
                    model.kind,
                    model.side,
                    dataset.name,
                    dataset.kind,
                    dataset.side
                );
            }
            let protocol = self.protocol(model.experiment.arch.halt_max_steps as u32);
            eval::check_settings(dataset.kind, &protocol)?;
            eval::check_votes(&model.experiment, &model.dataset_hash, &dataset.content_hash, &protocol)?;
            let split: Split = self.split.into();
            ensure!(dataset.count(split) > 0, "expected a split that has puzzles, found {}", split.as_str());
            let spec = EvaluationSpec { checkpoint_id: model.id, dataset_id: dataset.id, split, protocol };
            Ok(evaluation_jobs::create(pool, &model.name, &spec, self.queue.terms(team)).await?)
        })?;
        println!("queued {} as job {}", queued.job.name, queued.job.id);
        println!("{}", how_to_ask(&format!("/api/v1/evaluations/{}", queued.job.id)));
        Ok(ExitCode::SUCCESS)
    }

    fn protocol(&self, halt_max_steps: u32) -> Protocol {
        let protocol = match self.steps {
            Steps::Q => Protocol::halting_by_q(self.max_steps.unwrap_or(halt_max_steps)),
            Steps::Exactly(max_steps) => Protocol::fixed(max_steps),
        };
        Protocol {
            limit: self.limit,
            voting: self.voting,
            attempts: self.attempts,
            blank_identifiers: self.blank_identifiers,
            ..protocol
        }
    }

    fn measure(self) -> anyhow::Result<ExitCode> {
        let stop = interrupt::stop_signal()?;
        let (puzzles, experiment) = self.dataset(&stop)?;
        let size = Size { kind: puzzles.kind, side: puzzles.side };
        let files: Vec<Option<&Path>> = match self.checkpoint.as_slice() {
            [] => vec![None],
            files => files.iter().map(|file| Some(file.as_path())).collect(),
        };
        if self.submission.is_some() && files.len() > 1 {
            bail!("a submission is one model's: expected one --checkpoint with --submission");
        }
        self.submission.as_deref().map_or(Ok(()), |path| checkpoint::check_place(path, Output::File))?;
        let (mut accuracies, mut models, mut of) = (Vec::new(), Vec::new(), 0);
        for file in files {
            let model = checkpoint::load(file, size, experiment.as_deref())?.to_device(&self.device.open()?)?;
            let info = model.info();
            let protocol = self.protocol(info.experiment.arch.halt_max_steps as u32);
            println!("{}", introduced(info));
            let measured = measure::measure(&model, &puzzles, self.split.into(), &protocol, &stop)?;
            if let (Some(path), Some(votes)) = (&self.submission, &measured.votes) {
                votes.write_submission(path)?;
                println!("wrote {}", path.display());
            }
            let score = measured.evaluation;
            println!("{}", report::score(&score));
            of = score.n;
            accuracies.push((score.exact_accuracy, score.solved()));
            models.push(info.clone());
        }
        // A file of test puzzles is nobody's whole dataset.
        if Split::from(self.split) == Split::Test && !puzzles.train.is_empty() {
            let hash = puzzles.content_hash();
            if models.iter().any(|model| model.dataset_hash == hash) {
                measure::tell_of_tested_in_training(&puzzles, &stop)?;
            }
        }
        if let Some(reason) = no_mean(&models) {
            println!("no mean: {reason}");
            return Ok(ExitCode::SUCCESS);
        }
        let (exact, solved): (Vec<f64>, Vec<Option<f64>>) = accuracies.into_iter().unzip();
        let solved: Vec<f64> = solved.into_iter().flatten().collect();
        for (shares, word) in [(exact, "exact"), (solved, "solved")] {
            if shares.len() > 1 {
                let (mean, [low, high]) = eval::interval_of_mean(&shares, of);
                let [mean, low, high] = [mean, low, high].map(report::percent);
                println!("mean of {} models  {mean} {word}, {low} to {high} (95 %, over models)", shares.len());
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The puzzles that the arguments name, and the name of the experiment if they are one's.
    fn dataset(&self, stop: &StopSignal) -> anyhow::Result<(Dataset, Option<String>)> {
        let shelf = Shelf { database: &self.database, team: &self.team };
        match &self.puzzles {
            Puzzles { csv: Some(file), .. } => {
                let test = data::read_csv_file(file, self.kind.into())?;
                let side = test[0].question.rows();
                Ok((Dataset { kind: self.kind.into(), side, train: vec![], validation: vec![], test }, None))
            }
            Puzzles { dataset: Some(dataset), .. } => {
                let stored = DataSpec::Stored { dataset: dataset.clone() };
                Ok((puzzles::load(&stored, shelf, stop)?, None))
            }
            Puzzles { config: Some(file), .. } => {
                let experiment = puzzles::read_experiment(file)?;
                Ok((puzzles::load(&experiment.data, shelf, stop)?, Some(experiment.name)))
            }
            _ => bail!("expected one of --config, --dataset and --csv"),
        }
    }
}

/// A checkpoint in a line: its size, and how it came to be as far as that is known.
fn introduced(info: &CheckpointInfo) -> String {
    let (name, weights, steps) =
        (&info.experiment.name, report::thousands(info.parameters), report::thousands(info.step));
    match &info.choice {
        Some(choice) => {
            let choice = report::choice(choice, info.step);
            format!("{name}: {weights} weights after {steps} steps; the checkpoint is {choice}")
        }
        // Of an imported one its file's name may tell the steps, and nothing the rest.
        None if info.step == 0 => {
            format!("{name}: {weights} weights, imported; how it was trained and chosen is not known")
        }
        None => format!("{name}: {weights} weights, imported, after {steps} steps; how it was chosen is not known"),
    }
}

/// Why these models' scores have no mean over seeds, if they have none.
fn no_mean(models: &[CheckpointInfo]) -> Option<String> {
    let (first, others) = models.split_first()?;
    let name = |model: &CheckpointInfo| model.experiment.name.clone();
    if let Some(other) = others.iter().find(|other| group_hash(&other.experiment) != group_hash(&first.experiment)) {
        return Some(format!("{} and {} differ in more than their seed", name(first), name(other)));
    }
    if let Some(other) = others.iter().find(|other| other.dataset_hash != first.dataset_hash) {
        return Some(format!("{} and {} were trained on other puzzles", name(first), name(other)));
    }
    let chosen = |model: &CheckpointInfo| model.choice.as_ref().map(std::mem::discriminant);
    if let Some(other) = others.iter().find(|other| chosen(other) != chosen(first)) {
        return Some(format!("{} and {} are checkpoints that were chosen otherwise", name(first), name(other)));
    }
    let mut seeds: Vec<u64> = models.iter().map(|model| model.experiment.seed).collect();
    seeds.sort_unstable();
    let twice = seeds.windows(2).find(|pair| pair[0] == pair[1])?;
    Some(format!("two of the models have the seed {}", twice[0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hrm_types::{
        experiment::{ArchConfig, Experiment, TrainConfig},
        provenance::Choice,
    };

    fn of(name: &str, seed: u64, lr: f64) -> Experiment {
        Experiment {
            name: name.into(),
            description: String::new(),
            seed,
            start_from: None,
            data: DataSpec::Stored { dataset: "set".into() },
            arch: ArchConfig::default(),
            train: TrainConfig { lr, ..TrainConfig::default() },
        }
    }

    fn trained(name: &str, seed: u64, lr: f64) -> CheckpointInfo {
        CheckpointInfo {
            experiment: of(name, seed, lr),
            kind: Kind::Sudoku.to_string(),
            side: 9,
            tasks: vec![],
            sizes: None,
            dataset_hash: String::new(),
            step: 12_000,
            parameters: 64_962,
            train_seconds: 0.0,
            choice: Some(Choice::Last),
            environment: None,
        }
    }

    #[test]
    fn a_checkpoint_is_introduced_by_what_is_known_of_it() {
        let trained = trained("a", 1, 0.5);
        let last = "a: 64,962 weights after 12,000 steps; the checkpoint is the state after the last step, 12,000";
        assert_eq!(introduced(&trained), last);
        let imported = CheckpointInfo { choice: None, ..trained };
        let named = "a: 64,962 weights, imported, after 12,000 steps; how it was chosen is not known";
        assert_eq!(introduced(&imported), named);
        let nameless = "a: 64,962 weights, imported; how it was trained and chosen is not known";
        assert_eq!(introduced(&CheckpointInfo { step: 0, ..imported }), nameless);
    }

    #[test]
    fn a_mean_is_of_models_that_differ_in_their_seed_alone() {
        let reason = |models: &[CheckpointInfo]| no_mean(models);
        assert_eq!(reason(&[trained("a", 1, 0.5)]), None);
        assert_eq!(reason(&[trained("a", 1, 0.5), trained("b", 2, 0.5), trained("c", 3, 0.5)]), None);
        let other = reason(&[trained("a", 1, 0.5), trained("b", 2, 0.25)]);
        assert_eq!(other.as_deref(), Some("a and b differ in more than their seed"));
        let twice = reason(&[trained("a", 1, 0.5), trained("b", 2, 0.5), trained("c", 1, 0.5)]);
        assert_eq!(twice.as_deref(), Some("two of the models have the seed 1"));
        let elsewhere = CheckpointInfo { dataset_hash: "1".repeat(64), ..trained("b", 2, 0.5) };
        let elsewhere = reason(&[trained("a", 1, 0.5), elsewhere]);
        assert_eq!(elsewhere.as_deref(), Some("a and b were trained on other puzzles"));
        let best = CheckpointInfo { choice: None, ..trained("b", 2, 0.5) };
        let best = reason(&[trained("a", 1, 0.5), best]);
        assert_eq!(best.as_deref(), Some("a and b are checkpoints that were chosen otherwise"));
    }
}
