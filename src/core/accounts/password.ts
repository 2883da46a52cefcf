/** Passwords: made, checked for what a password must be, and hashed with argon2id for keeping. */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { Problem } from '../problems/problem.ts'

const SECRET_BYTES = 18
const SALT_BYTES = 16
const HASH_BYTES = 32

/** Characters, as JavaScript counts them. */
export const MIN_PASSWORD_LENGTH = 8
export const MAX_PASSWORD_LENGTH = 1_024

export interface HashParameters {
  /** KiB. */
  readonly memory: number
  readonly passes: number
}

/**
 * The first choice of OWASP's list, which holds it for as strong as 19 MiB in two passes. With that one, the allocator
 * keeps the memory of each thread for ever (130 MB after 20 hashes); blocks of more than 32 MiB it always gives back to
 * the system.
 */
export const HASH_PARAMETERS: HashParameters = { memory: 46 * 1024, passes: 1 }

/** A password that cannot be guessed: 144 random bits. */
export function makePassword(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

/** @throws Problem BODY_INVALID that does not quote it */
export function checkNewPassword(password: string): void {
  const { length } = password
  if (length >= MIN_PASSWORD_LENGTH && length <= MAX_PASSWORD_LENGTH) return
  throw new Problem(
    'BODY_INVALID',
    `A password must have ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters, and this one has ${length}.`
  )
}

/**
 * What is kept of a password: a PHC string with salt and parameters. Takes tens of milliseconds, on a thread of its
 * own.
 */
export async function hashPassword(password: string, parameters = HASH_PARAMETERS): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  return phcString(parameters, salt, await derive(password, salt, parameters))
}

export interface Verdict {
  readonly isRight: boolean
  /** Its hash has other parameters than today's: hash it again. */
  readonly isOutdated: boolean
}

/**
 * Compares a password with what is kept of one. It takes as long when there is none.
 * @param kept undefined: of an unknown user
 */
export async function verifyPassword(
  password: string,
  kept: string | undefined,
  parameters = HASH_PARAMETERS
): Promise<Verdict> {
  const parsed = kept === undefined ? undefined : parsePhc(kept)
  if (parsed !== undefined) {
    const derived = await derive(password, parsed.salt, parsed.parameters)
    const isOutdated = parsed.parameters.memory !== parameters.memory || parsed.parameters.passes !== parameters.passes
    return { isRight: isSame(derived, parsed.hash), isOutdated }
  }
  await derive(password, randomBytes(SALT_BYTES), parameters)
  return { isRight: false, isOutdated: false }
}

function isSame(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}

/** The same text may have been typed as other code points on another system (NFC makes them one). */
function derive(password: string, nonce: Buffer, { memory, passes }: HashParameters): Promise<Buffer> {
  const message = Buffer.from(password.normalize('NFC'))
  return new Promise((resolve, reject) => {
    argon2('argon2id', { message, nonce, memory, passes, parallelism: 1, tagLength: HASH_BYTES }, (error, derived) => {
      if (error === null || error === undefined) resolve(derived)
      else reject(error)
    })
  })
}

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=1\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{43})$/

function phcString({ memory, passes }: HashParameters, salt: Buffer, hash: Buffer): string {
  const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${memory},t=${passes},p=1$${text(salt)}$${text(hash)}`
}

function parsePhc(text: string): { parameters: HashParameters; salt: Buffer; hash: Buffer } | undefined {
  const [, memory, passes, salt = '', hash = ''] = PHC.exec(text) ?? []
  if (memory === undefined) return undefined
  return {
    parameters: { memory: Number(memory), passes: Number(passes) },
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64')
  }
}
