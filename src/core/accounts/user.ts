/** Users and their tokens: what is kept of them, and who reads and writes it. */
import type { Role } from './access.ts'

/** More than one depot has people and programs. */
export const MAX_USERS = 1_000
export const MAX_TOKENS_PER_USER = 100

export interface User {
  readonly name: string
  readonly role: Role
  readonly createdAt: Date
  readonly passwordChangedAt: Date
}

/** A user as it is kept. */
export interface KeptUser extends User {
  /** Never used again for another user. */
  readonly id: number
  /** Of the password: grows when it is changed. Remembered logins and sessions of an older one count no more. */
  readonly version: number
  /** See `password.ts`. */
  readonly passwordHash: string
}

export interface ApiToken {
  /** Public: it identifies, and gives no rights. */
  readonly id: string
  /** Its owner. */
  readonly userName: string
  readonly name: string
  /** What it may do at most; it never does more than its owner may. */
  readonly role: Role
  readonly createdAt: Date
  /** Null: never. */
  readonly expiresAt: Date | null
  /** To the minute; null when it was never used. */
  readonly lastUsedAt: Date | null
}

/** A token as it is kept, with its owner. */
export interface KeptToken {
  readonly token: ApiToken
  /** See `api-token.ts`. */
  readonly secretHash: string
  readonly owner: KeptUser
}

export interface UserReader {
  findUser(name: string): Promise<KeptUser | undefined>
  /** All of them, by name. */
  listUsers(): Promise<User[]>
  findToken(id: string): Promise<KeptToken | undefined>
  /** By owner and time. @param userName only those of this user; undefined: all */
  listTokens(userName: string | undefined): Promise<ApiToken[]>
}

export interface NewUser {
  readonly name: string
  readonly role: Role
  readonly passwordHash: string
  readonly createdAt: Date
}

export interface UserChange {
  readonly name: string
  readonly role?: Role | undefined
  /** Ends all sessions of the user. */
  readonly passwordHash?: string | undefined
  readonly changedAt: Date
}

export interface NewToken {
  readonly token: ApiToken
  readonly secretHash: string
}

/** How often logins with this key have failed; user and address cannot be read from the key. */
export interface LoginFailure {
  readonly key: string
  readonly failures: number
  readonly failedAt: Date
}

/** Writes users. What it promises is on the disk. At least one administrator is always left. */
export interface UserCommands {
  /** @throws Problem USER_EXISTS, TOO_MANY_KEPT */
  addUser(user: NewUser): Promise<User>
  /** @throws Problem USER_UNKNOWN, LAST_ADMINISTRATOR */
  changeUser(change: UserChange): Promise<User>
  /** With sessions and tokens. @throws Problem USER_UNKNOWN, LAST_ADMINISTRATOR */
  removeUser(name: string): Promise<void>
  /** Another hash of the same password. Changes nothing when the password has been changed meanwhile. */
  rehashPassword(rehash: { readonly userId: number; readonly version: number; readonly hash: string }): Promise<void>
  /** @throws Problem USER_UNKNOWN, TOO_MANY_KEPT */
  addToken(token: NewToken): Promise<void>
  /** False when there is no such token. @param which.userName only if it is this user's; undefined: of any user */
  removeToken(which: { readonly id: string; readonly userName: string | undefined }): Promise<boolean>
  recordTokenUse(use: { readonly id: string; readonly usedAt: Date }): Promise<void>
  /** Keeps failures, and forgets those that count no more. */
  recordFailures(change: {
    readonly failures: readonly LoginFailure[]
    readonly forget: readonly string[]
    readonly expiredBefore: Date
  }): Promise<void>
}
