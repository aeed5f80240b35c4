//! The worker of a server: runs what is due, and waits for more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::queue::Queue;

/// How long it waits at most before it looks again: other processes leave jobs too, and cannot tell.
const POLL: Duration = Duration::from_secs(5);

/// Runs jobs until it is told to stop. The step that is running then is done; the rest of its job is for others.
pub async fn work(queue: Arc<Queue>, mut stop: watch::Receiver<bool>) {
    let mut scheduled = false;
    while !*stop.borrow() {
        let worked = async {
            if !scheduled {
                queue.schedule().await?;
                scheduled = true;
            }
            while let Some(claimed) = queue.claim().await? {
                queue.run(claimed, || *stop.borrow()).await?;
                if *stop.borrow() {
                    return Ok(None);
                }
            }
            queue.waiting().await?;
            queue.next_due().await
        };
        let due: Result<Option<i64>, store::Error> = worked.await;
        let patience = match due {
            Ok(Some(due)) => {
                let wait = u64::try_from(due - queue.api.clock.now()).unwrap_or_default();
                Duration::from_millis(wait.max(10)).min(POLL)
            }
            Ok(None) => POLL,
            Err(error) => {
                tracing::warn!(%error, "jobs have to wait");
                POLL
            }
        };
        tokio::select! {
            () = queue.api.wait_for_jobs() => {}
            () = tokio::time::sleep(patience) => {}
            // An error says that whoever could tell it to stop is gone.
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}
