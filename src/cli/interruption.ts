/** Ctrl-C lets the command put away what it has begun; a second one ends it at once. */
import { EXIT } from './exit.ts'

let controller: AbortController | undefined

/** Aborted by the first signal; until somebody asks for it, signals do what they always do. */
export function interruption(): AbortSignal {
  if (controller === undefined) {
    const made = new AbortController()
    controller = made
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        if (made.signal.aborted) process.exit(EXIT.interrupted)
        made.abort()
      })
    }
  }
  return controller.signal
}
