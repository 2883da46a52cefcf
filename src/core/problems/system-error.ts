/** Errors of the operating system, as Node reports them: with a code such as `ENOENT`. */

/** Node's own codes, such as `ERR_INVALID_ARG_TYPE`, are bugs and no errors of the system. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return /^E[A-Z]+$/.test(String((error as NodeJS.ErrnoException | undefined)?.code))
}

/**
 * A file system that cannot be used now does not stop the server.
 * @throws the error, if it is no error of the system
 */
export function tolerateSystemError(error: unknown): void {
  if (!isSystemError(error)) throw error
}

/** The code of the error, or its message, for a sentence. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message ?? String(error)
}
