/** Passwords: made, hashed for keeping, and compared without telling by the time it takes how much was right. */
import { createHash, createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'

const SECRET_BYTES = 18
const SALT_BYTES = 16

/** A password that nobody can guess: 144 random bits. */
export function makePassword(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

/**
 * What is kept of a made password. With so many random bits there is nothing a slow hash could protect; a password that
 * a person chose is never kept.
 */
export function hashMadePassword(password: string): string {
  const salt = randomBytes(SALT_BYTES).toString('base64url')
  return `sha256$${salt}$${digest(salt, password)}`
}

/** A key for the sessions of a user, which changes with the name and with the password or its hash. */
export function sessionKey(userName: string, passwordOrHash: string): Buffer {
  return createHmac('sha256', passwordOrHash).update(`session key of ${userName}`).digest()
}

export type VerifyCredentials = (userName: string, password: string) => boolean

/** Verifies against a password in the clear, as the settings have it. */
export function verifierForPassword(userName: string, password: string): VerifyCredentials {
  const [isUser, isPassword] = [comparerWith(userName), comparerWith(password)]
  return (givenUser, givenPassword) => both(isUser(givenUser), isPassword(givenPassword))
}

/** Verifies against a hash of `hashMadePassword`. */
export function verifierForHash(userName: string, passwordHash: string): VerifyCredentials {
  const [, salt = '', expected = ''] = passwordHash.split('$')
  const [isUser, isExpected] = [comparerWith(userName), comparerWith(expected)]
  return (givenUser, givenPassword) => both(isUser(givenUser), isExpected(digest(salt, givenPassword)))
}

/** Both are always evaluated before this is called, so a wrong name takes as long as a wrong password. */
function both(left: boolean, right: boolean): boolean {
  return left && right
}

/**
 * Texts of different lengths cannot be compared in constant time; their digests can. Nobody can choose texts for the sake of their
 * digests, since these begin with what only this process knows.
 */
const unknown = randomBytes(32).toString('latin1')

function comparerWith(expected: string): (given: string) => boolean {
  const wanted = hash('sha256', unknown + expected, 'buffer')
  return (given) => timingSafeEqual(hash('sha256', unknown + given, 'buffer'), wanted)
}

function digest(salt: string, password: string): string {
  return createHash('sha256').update(salt).update(password).digest('base64url')
}
