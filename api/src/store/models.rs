//! Models: the stored checkpoints as they are shown, found, listed, and chosen from when none is named.
//!
//! How they are stored and changed is in `checkpoints`.

use super::{
    Error,
    access::Viewer,
    aliases,
    slices::{Keyed, Slice, arranged},
};
use hrm_model::shipped;
use hrm_types::{
    Page,
    board::{Kind, MAX_SIDE},
    evaluation::Evaluation,
    experiment::Experiment,
    ids::{CheckpointId, RunId},
    model::Model,
    provenance::Choice,
};
use sqlx::{PgPool, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

struct Row {
    id: Uuid,
    name: String,
    kind: String,
    side: i16,
    run_id: Option<Uuid>,
    experiment: Json<Experiment>,
    dataset_hash: String,
    sha256: String,
    size: i64,
    parameters: i64,
    step: i64,
    choice: Option<Json<Choice>>,
    evaluation: Option<Json<Evaluation>>,
    claimed: Option<bool>,
    shipped: bool,
    is_default: bool,
    team: String,
    public: bool,
    created_at: OffsetDateTime,
}

impl From<Row> for Model {
    fn from(row: Row) -> Self {
        let stated = shipped::named(&row.name).filter(|_| row.shipped).map(|shipped| shipped.stated);
        Self {
            id: CheckpointId(row.id),
            name: row.name,
            kind: row.kind,
            side: row.side as u8,
            run_id: row.run_id.map(RunId),
            experiment: row.experiment.0,
            dataset_hash: row.dataset_hash,
            sha256: row.sha256,
            size: row.size.cast_unsigned(),
            parameters: row.parameters.cast_unsigned(),
            step: row.step.cast_unsigned(),
            choice: row.choice.map(|Json(choice)| choice),
            evaluation: row.evaluation.map(|Json(evaluation)| evaluation),
            claimed: row.claimed == Some(true),
            stated,
            default: row.is_default,
            team: row.team,
            public: row.public,
            created_at: row.created_at,
        }
    }
}

/// The model with this id, if the viewer sees it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(pool: &PgPool, viewer: &Viewer, id: CheckpointId) -> Result<Model, Error> {
    find(pool, viewer, &id.to_string()).await
}

/// The model with this id; else the one with this alias in the viewer's own teams; else the newest with this name: of the
/// viewer's own teams, of those that ship with the program, of all others that the viewer sees.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(pool: &PgPool, viewer: &Viewer, name_or_id: &str) -> Result<Model, Error> {
    let id = match name_or_id.parse().ok() {
        Some(id) => Some(id),
        None => aliases::find(pool, viewer, name_or_id).await?.map(|id| id.0),
    };
    let wanted = Wanted { id, name: Some(name_or_id), ..Wanted::default() };
    first(pool, viewer, wanted).await?.ok_or_else(|| Error::not_found("model", name_or_id))
}

/// The model that solves puzzles of this kind and side for the viewer when none is named; of ARC the one for the smallest
/// square that grids of this side stand in.
///
/// Only *standard* scores are compared: measured here, on a whole test split, the way solving uses a model, which is
/// halting by Q after at most its own `halt_max_steps`; of a model's on one dataset the newest. And only scores on one
/// dataset: the one on which most models of the side have a standard score, of equals the one stored first. The best
/// there is the default, the newest of equals. One that ships counts with the score it is stated to have where it has none there;
/// and as long as that is so of any of the side, the one stated to be best counts no less than the others that ship, so that none
/// of them gains by having been measured on easier puzzles. Where nothing was measured or stated the newest model is the default.
///
/// # Errors
/// [`Error::NotFound`] when no model for this side is stored.
pub async fn default_for(pool: &PgPool, viewer: &Viewer, kind: Kind, side: u8) -> Result<Model, Error> {
    let wanted = Wanted { default_of: Some((kind, i16::from(side))), ..Wanted::default() };
    let found = select(pool, viewer, wanted, i64::from(MAX_SIDE)).await?.into_iter().min_by_key(|model| model.side);
    found.ok_or_else(|| Error::not_found("model", format!("default for {kind} of side {side}")))
}

/// The sides that the viewer's models of a kind have, ascending.
pub async fn sides(pool: &PgPool, viewer: &Viewer, kind: Kind) -> Result<Vec<u8>, Error> {
    let sides = sqlx::query_scalar!(
        "SELECT DISTINCT side FROM checkpoints
         WHERE kind = $1 AND ($2::uuid[] IS NULL OR team_id = ANY($2) OR public) ORDER BY side",
        kind.as_str(),
        viewer.teams()
    )
    .fetch_all(pool)
    .await?;
    Ok(sides.into_iter().map(|side| side as u8).collect())
}

/// Which models to list; all of them by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct ModelFilter<'a> {
    /// Only those that solve this kind of puzzle.
    pub kind: Option<Kind>,
    /// Only those that solve grids of this side.
    pub side: Option<u8>,
    /// Only those that this run has trained.
    pub run: Option<RunId>,
    /// Only those whose name contains this, in any case.
    pub name: Option<&'a str>,
    /// Only those whose file has this SHA-256.
    pub sha256: Option<&'a str>,
    /// Only those of the team with this name.
    pub team: Option<&'a str>,
}

/// What models can be ordered by, beside their creation.
pub const ORDERS: [&str; 4] = ["name", "parameters", "step", "exact_accuracy"];

/// A part of the models.
pub async fn list(
    pool: &PgPool,
    viewer: &Viewer,
    filter: ModelFilter<'_>,
    slice: &Slice,
) -> Result<Page<Model>, Error> {
    let places = sqlx::query_as!(
        Keyed,
        r#"SELECT id AS "id!", key AS "key!" FROM (
               SELECT id, COALESCE(CASE $1::text
                          WHEN 'name' THEN lower(name)
                          WHEN 'parameters' THEN to_char(parameters, 'FM000000000000000000')
                          WHEN 'step' THEN to_char(step, 'FM000000000000000000')
                          WHEN 'exact_accuracy' THEN (
                              SELECT to_char(exact_accuracy, 'FM0.000000000') FROM known_score(checkpoints.id))
                      END, '') COLLATE "C" AS key
               FROM checkpoints
               WHERE ($6::text IS NULL OR kind = $6)
                 AND ($7::smallint IS NULL OR side = $7)
                 AND ($8::uuid IS NULL OR run_id = $8)
                 AND ($9::text IS NULL OR strpos(lower(name), lower($9)) > 0)
                 AND ($10::uuid[] IS NULL OR team_id = ANY($10) OR public)
                 AND ($11::text IS NULL
                      OR artifact_id = (SELECT artifacts.id FROM artifacts WHERE sha256 = $11))
                 AND ($12::text IS NULL OR team_id = (SELECT teams.id FROM teams WHERE lower(teams.name) = lower($12)))
           ) AS keyed
           WHERE $3::uuid IS NULL
              OR CASE WHEN $2 THEN key < $4 OR key = $4 AND id < $3 ELSE key > $4 OR key = $4 AND id > $3 END
           ORDER BY CASE WHEN $2 THEN key END DESC, CASE WHEN $2 THEN id END DESC, key, id LIMIT $5"#,
        slice.by,
        slice.descending,
        slice.id(),
        slice.key(),
        slice.rows(),
        filter.kind.map(Kind::as_str),
        filter.side.map(i16::from),
        filter.run.map(|id| id.0),
        filter.name,
        viewer.teams(),
        filter.sha256,
        filter.team
    )
    .fetch_all(pool)
    .await?;
    let (ids, next_cursor) = slice.cut(places);
    let wanted = Wanted { ids: Some(&ids), ..Wanted::default() };
    let models = select(pool, viewer, wanted, slice.rows()).await?;
    Ok(Page { items: arranged(&ids, models, |model| model.id.0), next_cursor })
}

/// How many models are stored.
pub async fn count(pool: &PgPool) -> Result<u64, Error> {
    let count = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM checkpoints"#).fetch_one(pool).await?;
    Ok(count.cast_unsigned())
}

/// What to select; every field that is set narrows it, but an id and a name are alternatives.
#[derive(Default)]
struct Wanted<'a> {
    id: Option<Uuid>,
    name: Option<&'a str>,
    default_of: Option<(Kind, i16)>,
    ids: Option<&'a [Uuid]>,
}

async fn first(pool: &PgPool, viewer: &Viewer, wanted: Wanted<'_>) -> Result<Option<Model>, Error> {
    Ok(select(pool, viewer, wanted, 1).await?.into_iter().next())
}

async fn select(pool: &PgPool, viewer: &Viewer, wanted: Wanted<'_>, limit: i64) -> Result<Vec<Model>, Error> {
    let (names, stated): (Vec<String>, Vec<f64>) =
        shipped::CHECKPOINTS.iter().map(|shipped| (shipped.name.to_owned(), shipped.stated.exact_accuracy)).unzip();
    // Weights of another code may read tokens of which nobody knows a puzzle.
    let kinds = Kind::ALL.map(|kind| kind.as_str().to_owned());
    let rows = sqlx::query_as!(
        Row,
        r#"WITH standard AS (
               SELECT DISTINCT ON (checkpoint_id, evaluations.dataset_id)
                      checkpoint_id, evaluations.dataset_id, evaluations.id, checkpoints.kind, checkpoints.side,
                      exact_accuracy
               FROM evaluations JOIN checkpoints ON checkpoints.id = checkpoint_id
               JOIN datasets ON datasets.id = evaluations.dataset_id
               WHERE NOT claimed AND split = 'test' AND NOT result ? 'of'
                     AND ($6::uuid[] IS NULL OR (checkpoints.team_id = ANY($6) OR checkpoints.public)
                                            AND (datasets.team_id = ANY($6) OR datasets.public))
                     AND protocol - 'limit' - 'attempts' = jsonb_build_object(
                             'halting', 'q', 'max_steps', experiment #> '{arch,halt_max_steps}')
               ORDER BY checkpoint_id, evaluations.dataset_id, evaluations.id DESC
           ), common AS (
               SELECT DISTINCT ON (kind, side) kind, side, dataset_id FROM standard
               GROUP BY kind, side, dataset_id ORDER BY kind, side, count(*) DESC, dataset_id
           ), ships AS (
               SELECT checkpoints.id, COALESCE(stated.exact, 1) AS stated,
                      max(COALESCE(stated.exact, 1)) OVER size AS best,
                      max(COALESCE(standard.exact_accuracy, stated.exact, 1)) OVER size AS reached,
                      bool_and(standard.exact_accuracy IS NOT NULL) OVER size AS comparable
               FROM checkpoints
               LEFT JOIN unnest($7::text[], $8::float8[]) AS stated(name, exact) USING (name)
               LEFT JOIN common USING (kind, side)
               LEFT JOIN standard ON standard.checkpoint_id = checkpoints.id
                                  AND standard.dataset_id = common.dataset_id
               WHERE shipped WINDOW size AS (PARTITION BY checkpoints.kind, checkpoints.side)
           ), scored AS (
               SELECT checkpoints.*,
                      row_number() OVER (
                          PARTITION BY checkpoints.kind, checkpoints.side
                          ORDER BY COALESCE(
                                       CASE WHEN NOT ships.comparable AND ships.stated = ships.best THEN reached END,
                                       standard.exact_accuracy,
                                       ships.stated,
                                       (SELECT elsewhere.exact_accuracy FROM standard AS elsewhere
                                        WHERE elsewhere.checkpoint_id = checkpoints.id
                                        ORDER BY elsewhere.id DESC LIMIT 1),
                                       -1) DESC,
                                   (standard.exact_accuracy IS NOT NULL
                                    OR COALESCE(ships.reached > ships.stated, false)) DESC,
                                   CASE WHEN NOT ships.comparable THEN ships.stated END DESC NULLS LAST,
                                   checkpoints.id DESC
                      ) = 1 AS is_default
               FROM checkpoints
               LEFT JOIN ships USING (id)
               LEFT JOIN common USING (kind, side)
               LEFT JOIN standard ON standard.checkpoint_id = checkpoints.id
                                  AND standard.dataset_id = common.dataset_id
               WHERE $6::uuid[] IS NULL OR team_id = ANY($6) OR public
           )
           SELECT scored.id, name, kind, side, run_id, experiment AS "experiment: Json<Experiment>", scored.dataset_hash,
                  sha256, size, parameters, step, scored.choice AS "choice: Json<Choice>",
                  result AS "evaluation?: Json<Evaluation>", claimed AS "claimed?",
                  shipped, is_default AND kind = ANY($11) AS "is_default!",
                  (SELECT teams.name FROM teams WHERE teams.id = team_id) AS "team!", public, scored.created_at
           FROM scored JOIN artifacts ON artifacts.id = artifact_id
           LEFT JOIN LATERAL known_score(scored.id) AS score ON true
           WHERE (($1::uuid IS NULL AND $2::text IS NULL) OR scored.id = $1 OR name = $2)
             AND ($3::smallint IS NULL
                  OR (is_default AND kind = $9 AND (side = $3 OR ($9 = 'arc' AND side > $3))))
             AND ($4::uuid[] IS NULL OR scored.id = ANY($4))
           ORDER BY (scored.id = $1) DESC NULLS LAST,
                    CASE WHEN $2::text IS NOT NULL THEN array_position($10::uuid[], team_id) END,
                    ($2::text IS NOT NULL AND shipped AND NOT team_id = ANY($10)) DESC, scored.id DESC LIMIT $5"#,
        wanted.id,
        wanted.name,
        wanted.default_of.map(|(_, side)| side),
        wanted.ids,
        limit,
        viewer.teams(),
        &names,
        &stated,
        wanted.default_of.map(|(kind, _)| kind.as_str()),
        viewer.own(),
        &kinds
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Model::from).collect())
}
