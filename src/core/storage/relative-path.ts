/** Names that come from outside: the one check that stands between them and a path. */

/** A name that would lead out of its directory, or that no system can be trusted with. */
export class UnsafePathError extends Error {
  override readonly name = 'UnsafePathError'
}

const DRIVE = /^[A-Za-z]:/
/** U+FFFD stands where the bytes of a name were not UTF-8: a file cannot be opened by the name that was read. */
const UNSAFE_CHARACTER = /[\p{Cc}\\\ufffd]/u

/**
 * Checks a relative name that uses `/`, and gives it back without its `.` and empty parts.
 * @throws UnsafePathError for names that are empty, absolute or have `..`, a backslash, a control character or a drive
 */
export function checkRelativePath(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  const isUnsafe =
    parts.length === 0 ||
    name.startsWith('/') ||
    DRIVE.test(parts[0] ?? '') ||
    parts.includes('..') ||
    UNSAFE_CHARACTER.test(name) ||
    !name.isWellFormed()
  if (isUnsafe) throw new UnsafePathError(`${JSON.stringify(name)} is not a safe relative path`)
  return parts.join('/')
}

/** Whether a text can be the name of one file. */
export function isSafeName(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    !name.includes('/') &&
    !UNSAFE_CHARACTER.test(name) &&
    name.isWellFormed()
  )
}
