//! Notes that are taken beside work.

use super::job::Ended;
use std::time::Duration;
use tokio::{sync::Notify, time::sleep};

/// Does `work` and calls `note` after every `pause` while it goes on, and once more when it has ended, which it is told. They
/// go on side by side: either may have to wait for what the other holds, such as a row that it has locked.
///
/// # Errors
/// What a note ends with, which ends the work.
pub(super) async fn noting<T, Noted: Future<Output = Result<(), Ended>>>(
    work: impl Future<Output = T>,
    pause: Duration,
    mut note: impl FnMut(bool) -> Noted,
) -> Result<T, Ended> {
    let ended = Notify::new();
    let work = async {
        let done = work.await;
        ended.notify_one();
        Ok::<T, Ended>(done)
    };
    let notes = async {
        loop {
            let last = tokio::select! {
                () = sleep(pause) => false,
                () = ended.notified() => true,
            };
            note(last).await?;
            if last {
                return Ok(());
            }
        }
    };
    let (done, ()) = tokio::try_join!(work, notes)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Stop;

    #[tokio::test]
    async fn work_goes_on_while_a_note_waits_for_it() {
        let (noting_began, work_went_on) = (Notify::new(), Notify::new());
        let work = async {
            noting_began.notified().await;
            work_went_on.notify_one();
            7
        };
        let mut notes = vec![];
        let note = |last: bool| {
            notes.push(last);
            let (began, went_on) = (&noting_began, &work_went_on);
            async move {
                if !last {
                    began.notify_one();
                    went_on.notified().await;
                }
                Ok(())
            }
        };
        let done = noting(work, Duration::ZERO, note);
        let done = tokio::time::timeout(Duration::from_secs(30), done).await;
        assert_eq!(done, Ok(Ok(7)));
        assert_eq!(notes, [false, true]);
    }

    #[tokio::test]
    async fn a_note_that_fails_ends_the_work() {
        let lost = Ended::Stopped(Stop::LeaseLost);
        let note = |_| std::future::ready(Err(lost.clone()));
        let done = noting(std::future::pending::<()>(), Duration::ZERO, note).await;
        assert_eq!(done, Err(lost));
    }
}
