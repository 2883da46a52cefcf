/** How a command ends: the codes, and the error that carries one. */

/** Documented in docs/command-line.md; scripts rely on them. */
export const EXIT = {
  ok: 0,
  /** The server refused it, it has failed, or something is not as it should be. */
  failed: 1,
  /** The command line, a setting or the profile is wrong. */
  usage: 2,
  /** Not logged in, or the login does not allow it. */
  notAllowed: 3,
  /** What is named is not there, or not any more. */
  notFound: 4,
  /** No answer from the server, or none that can be trusted. */
  unreachable: 5,
  /** 128 and the number of the signal, as shells have it. */
  interrupted: 130
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** The command ends here; the message is a sentence for whoever gave it. Anything else that is thrown is a bug. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError'
  readonly exitCode: ExitCode
  /** For programs. */
  readonly code: string
  /** What the reader can do; may be empty. */
  readonly recovery: string

  constructor(exitCode: ExitCode, code: string, message: string, recovery = '', options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
    this.code = code
    this.recovery = recovery
  }
}

/** Somebody pressed Ctrl-C, or asked the process to end. */
export function interrupted(message = 'Interrupted.'): CommandError {
  return new CommandError(EXIT.interrupted, 'INTERRUPTED', message)
}

/** @throws CommandError for what is wrong in the command line or a setting */
export function refuseUsage(message: string): never {
  throw new CommandError(EXIT.usage, 'USAGE', message)
}
