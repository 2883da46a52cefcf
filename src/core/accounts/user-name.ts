/** Names of users. */
import { Problem } from '../problems/problem.ts'

/**
 * No colon, since Basic authentication parts name and password with one; no spaces, no control or format characters.
 */
export const USER_NAME = /^[^:\s\p{C}]{1,64}$/u

/** One form of what looks the same (NFC). */
export function normalName(name: string): string {
  return name.normalize('NFC')
}

/** @returns the name in its one form. @throws Problem BODY_INVALID */
export function checkNewName(name: string): string {
  const normal = normalName(name)
  if (USER_NAME.test(normal)) return normal
  throw new Problem('BODY_INVALID', 'The name of a user must have 1 to 64 characters, without colons and spaces.')
}
