import type { TaskProgress } from '../../core/tasks/task.ts'

/** Reports come as fast as packages end; nobody looks more often than this. */
const SAVE_INTERVAL_MS = 50

export interface ProgressRecorder {
  /** Keeps the report for the next save, at once or within the interval. */
  record(progress: TaskProgress): void
  /** Resolves when the last report is saved. Nothing may be recorded after it. */
  end(): Promise<void>
}

/**
 * Saves progress as it comes, but never two reports within the interval: of those only the last one counts.
 * @param save must not be called by anybody else for the same task
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
