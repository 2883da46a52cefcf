/** Roles, each of which contains the ones before it, and the identity of a caller. */

/**
 * `viewer` reads catalog and tasks; `exporter` also exports, downloads, and cancels its own tasks; `operator` also
 * changes the repository and cancels tasks of others; `admin` also manages users and tokens.
 */
export const ROLES = ['viewer', 'exporter', 'operator', 'admin'] as const

export type Role = (typeof ROLES)[number]

/** How the caller was authenticated. */
export type LoginKind = 'password' | 'session' | 'token'

/** The caller of a request. */
export interface Identity {
  readonly name: string
  /** What this login may do: of a token it can be less than what its owner may. */
  readonly role: Role
  readonly kind: LoginKind
  readonly userId: number
  /** Of the user's password when the login was checked. */
  readonly userVersion: number
  /** Null unless it is a token. */
  readonly tokenId: string | null
}

/** Whether a role contains another one. */
export function covers(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

export function lowerRole(left: Role, right: Role): Role {
  return covers(left, right) ? right : left
}

export function higherRole(left: Role, right: Role): Role {
  return covers(left, right) ? left : right
}

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text)
}
