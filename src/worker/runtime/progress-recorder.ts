/** Saves the progress of a job, at a limited rate. */
import type { TaskProgress } from '../../core/tasks/task.ts'

/** Progress is reported after each package; no client polls more often than this. */
const SAVE_INTERVAL_MS = 50

export interface ProgressRecorder {
  /** Saves the report at once, or at the end of the interval. */
  record(progress: TaskProgress): void
  /** Resolves when the last report is saved. `record` must not be called afterwards. */
  end(): Promise<void>
}

/**
 * Of several reports within the interval, only the last one is saved.
 * @param save has no other caller for the same task
 */
export function createProgressRecorder(save: (progress: TaskProgress) => Promise<void>): ProgressRecorder {
  let latest: TaskProgress | undefined
  let timer: NodeJS.Timeout | undefined
  let saving: Promise<void> = Promise.resolve()
  let failure: unknown

  function saveLatest(): void {
    const progress = latest
    latest = undefined
    if (progress === undefined) {
      timer = undefined
      return
    }
    timer = setTimeout(saveLatest, SAVE_INTERVAL_MS)
    saving = saving
      .then(() => save(progress))
      .catch((error) => {
        failure ??= error
      })
  }

  return {
    record(progress) {
      latest = progress
      if (timer === undefined) saveLatest()
    },
    async end() {
      clearTimeout(timer)
      saveLatest()
      clearTimeout(timer)
      await saving
      if (failure !== undefined) throw failure
    }
  }
}
