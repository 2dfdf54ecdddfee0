//! The sweep: jobs of workers that vanished go back into the queue or, after too many deaths, fail; and jobs of
//! low priority are asked to make room.

use crate::{
    config::WorkerConfig,
    store::{leases, order},
};
use sqlx::PgPool;
use std::time::{Duration, Instant, SystemTime};
use tokio::time::{MissedTickBehavior, interval};

/// Sweeps until `ended` resolves. Any number of processes may sweep at once.
pub async fn sweep_until(pool: PgPool, config: WorkerConfig, ended: impl Future<Output = ()>) {
    let mut ended = std::pin::pin!(ended);
    let mut ticks = interval(config.poll());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sweeper = Sweeper { pool, config, quiet: Quiet::default(), clocks: Clocks::read() };
    loop {
        tokio::select! {
            () = &mut ended => return,
            _ = ticks.tick() => sweeper.sweep().await,
        }
    }
}

struct Sweeper {
    pool: PgPool,
    config: WorkerConfig,
    quiet: Quiet,
    /// When it last looked.
    clocks: Clocks,
}

impl Sweeper {
    async fn sweep(&mut self) {
        let begun = Instant::now();
        let clocks = Clocks::read();
        let slept = clocks.slept_since(std::mem::replace(&mut self.clocks, clocks));
        if slept >= self.config.lease() / 2 {
            // Leases have gone on ageing by the database's clock.
            self.quiet.hush(begun, self.config.lease());
        }
        match order::preempt(&self.pool).await {
            Ok(Some(job)) => tracing::info!(%job, "asked to make room for a job of higher priority"),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "priorities could not be compared");
                return;
            }
        }
        if self.quiet.may_sweep(begun, Instant::now(), self.config.lease()) {
            self.sweep_expired().await;
        }
    }

    async fn sweep_expired(&mut self) {
        match leases::sweep_expired(&self.pool, self.config.lease()).await {
            Ok(swept) => {
                for job in swept {
                    tracing::warn!(job = %job.job_id, state = job.state.as_str(), reason = job.reason, "swept");
                }
            }
            Err(error) => {
                // What cannot be written here is written by no worker either, such as on a full disk.
                self.quiet.hush(Instant::now(), self.config.lease());
                tracing::warn!(%error, "the sweep failed");
            }
        }
    }
}

/// Both clocks of a machine at one moment: while it sleeps the one on the wall goes on, and the steady one stands still.
#[derive(Debug, Clone, Copy)]
struct Clocks {
    steady: Instant,
    wall: SystemTime,
}

impl Clocks {
    fn read() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }

    /// How long the machine slept since `before`, or its clock was set forward.
    fn slept_since(self, before: Self) -> Duration {
        let on_the_wall = self.wall.duration_since(before.wall).unwrap_or_default();
        on_the_wall.saturating_sub(self.steady - before.steady)
    }
}

/// Whether an expired lease means that its worker is dead. Not after a time in which the database did not answer here,
/// or this process did not run: the workers may have been cut off or stopped just the same, and have as long as a lease
/// lasts to show that they live.
#[derive(Debug, Default)]
struct Quiet {
    /// When the database last answered.
    answered: Option<Instant>,
    /// Until when nothing is swept.
    until: Option<Instant>,
}

impl Quiet {
    /// The database was asked at `asked` and has answered at `now`.
    fn may_sweep(&mut self, asked: Instant, now: Instant, lease: Duration) -> bool {
        let silence = now - self.answered.replace(now).unwrap_or(asked);
        if silence >= lease / 2 {
            self.until = Some(now + lease);
        }
        self.until.is_none_or(|until| now >= until)
    }

    /// The database did not do at `now` what workers ask of it, too.
    fn hush(&mut self, now: Instant, lease: Duration) {
        self.until = Some(now + lease);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_silence_the_workers_have_a_lease_to_show_that_they_live() {
        let (lease, begun) = (Duration::from_secs(30), Instant::now());
        let mut quiet = Quiet::default();
        let mut answered_at = |asked: u64, answered: u64| {
            quiet.may_sweep(begun + Duration::from_secs(asked), begun + Duration::from_secs(answered), lease)
        };
        assert!(answered_at(0, 0), "a process that has just begun sweeps");
        assert!(answered_at(5, 5) && answered_at(10, 18), "short silences happen");
        assert!(!answered_at(19, 40), "an answer that took long");
        assert!(!answered_at(50, 50) && !answered_at(60, 60));
        assert!(answered_at(70, 70), "a lease later");
        assert!(!answered_at(95, 95), "no question was asked for long");
        assert!(!answered_at(105, 105) && !answered_at(115, 115) && answered_at(125, 125));
        quiet.hush(begun + Duration::from_secs(126), lease);
        let mut answered_at = |at: u64| {
            let at = begun + Duration::from_secs(at);
            quiet.may_sweep(at, at, lease)
        };
        assert!(!answered_at(127) && !answered_at(140) && !answered_at(150) && answered_at(156), "a sweep that failed");
    }

    #[test]
    fn a_machine_that_slept_is_told_by_its_clocks() {
        let before = Clocks::read();
        let after = |steady: u64, wall: u64| Clocks {
            steady: before.steady + Duration::from_secs(steady),
            wall: before.wall + Duration::from_secs(wall),
        };
        assert_eq!(after(5, 5).slept_since(before), Duration::ZERO);
        assert_eq!(after(5, 3605).slept_since(before), Duration::from_hours(1));
        // A clock that is set back says nothing.
        assert_eq!(before.slept_since(after(0, 60)), Duration::ZERO);
    }

    #[test]
    fn a_first_answer_that_took_long_is_a_silence() {
        let (lease, begun) = (Duration::from_secs(30), Instant::now());
        assert!(!Quiet::default().may_sweep(begun, begun + lease, lease));
    }
}
