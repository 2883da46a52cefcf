/** Tokens: long random words with which programs log in. Only a hash of them is kept. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

const ID_BYTES = 8
const SECRET_BYTES = 32

/** The prefix lets scanners for secrets in source code recognise it. */
const FORM = /^fxd_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/

export interface MadeToken {
  readonly id: string
  /** Shown once to its owner. */
  readonly text: string
  /** Kept. */
  readonly secretHash: string
}

export function makeToken(): MadeToken {
  const id = randomBytes(ID_BYTES).toString('hex')
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  return { id, text: `fxd_${id}_${secret}`, secretHash: hashTokenSecret(secret) }
}

/** Undefined for what is no token. */
export function parseToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = FORM.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

/** A secret of 256 random bits cannot be guessed, so it needs no slow hash. */
export function hashTokenSecret(secret: string): string {
  return hash('sha256', secret, 'base64url')
}

export function isSecretOf(secret: string, secretHash: string): boolean {
  const [given, expected] = [Buffer.from(hashTokenSecret(secret)), Buffer.from(secretHash)]
  return given.length === expected.length && timingSafeEqual(given, expected)
}
