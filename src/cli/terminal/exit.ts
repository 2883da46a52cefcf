/** How a command ends: the exit codes, the error that carries one, and Ctrl-C. */

/** Documented in docs/command-line.md; scripts rely on them. */
export const EXIT = {
  ok: 0,
  /** The server refused the request, the operation failed, or a check found errors. */
  failed: 1,
  /** The command line, a setting or the profile is wrong. */
  usage: 2,
  /** Not logged in, or the login is not sufficient. */
  notAllowed: 3,
  /** The named object does not exist, or no longer exists. */
  notFound: 4,
  /** No response from the server, or none that can be trusted. */
  unreachable: 5,
  /** 128 plus the number of the signal, as in shells. */
  interrupted: 130
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends the command; the message is a sentence for the user. Every other error that reaches the program is a bug. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError'
  readonly exitCode: ExitCode
  /** For scripts. */
  readonly code: string
  /** What the user can do; may be empty. */
  readonly recovery: string

  constructor(exitCode: ExitCode, code: string, message: string, recovery = '', options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
    this.code = code
    this.recovery = recovery
  }
}

/** The error of a command that a signal ended. */
export function interrupted(message = 'Interrupted.'): CommandError {
  return new CommandError(EXIT.interrupted, 'INTERRUPTED', message)
}

/** @throws CommandError for an error in the command line or in a setting */
export function refuseUsage(message: string): never {
  throw new CommandError(EXIT.usage, 'USAGE', message)
}

let controller: AbortController | undefined

/**
 * Aborted by the first signal (Ctrl-C), so that the command can clean up; a second signal ends the process. Until the
 * first call, signals keep their default effect.
 */
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
