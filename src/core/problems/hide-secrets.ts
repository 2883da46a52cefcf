/** Removes secrets from logs, messages and support bundles. */

/** Replaces a secret. */
export const HIDDEN = '[hidden]'

const SECRET_NAME =
  /passw|pwd|secret|token|csrf|authorization|cookie|sessionid|(?:api|access)[-_]?key|private|database_?url/i

/** Of a parameter, an attribute, a header or a setting. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** A request for a session by its cookie has a secret in the path. */
const IN_PATH = /(\/sessions\/)[^\s/?]+/gi
const IN_QUERY =
  /([?&][^=&\s]{0,100}(?:passw|pwd|secret|token|csrf|authorization|signature|api[-_]?key)[^=&\s]{0,100}=)[^&\s]*/gi

/** The password in the authority of a URL. */
const IN_AUTHORITY = /(:\/\/[^:@/\s]{0,100}:)[^@/\s]{1,200}@/g

/** A URL, or a sentence that has one, without the secrets that callers put there. */
export function hideUrlSecrets(text: string): string {
  return text.replace(IN_PATH, `$1${HIDDEN}`).replace(IN_QUERY, `$1${HIDDEN}`).replace(IN_AUTHORITY, `$1${HIDDEN}@`)
}
