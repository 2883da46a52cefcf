/** Users and tokens as the native API shows them. */
import { type Static, Type } from 'typebox'
import { ROLES } from '../../../core/accounts/access.ts'
import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from '../../../core/accounts/password.ts'
import type { ApiToken, User } from '../../../core/accounts/user.ts'

const Time = (description: string) => Type.String({ description: `${description}, ISO 8601, UTC.` })
const MaybeTime = (description: string) =>
  Type.Union([Type.String(), Type.Null()], { description: `${description}, ISO 8601, UTC; null: never.` })

export const RoleName = Type.String({
  enum: [...ROLES],
  description:
    '`viewer` reads; `exporter` also exports, downloads, and cancels its own exports; `operator` also imports, deletes, scans the ' +
    'repository, and cancels the tasks of others; `admin` also manages users and tokens.'
})

/**
 * The limit of the schema. `checkNewPassword` checks MAX_PASSWORD_LENGTH, since the validator's message would quote it.
 */
export const MAX_TYPED_LENGTH = 4 * MAX_PASSWORD_LENGTH

export const Password = Type.String({
  maxLength: MAX_TYPED_LENGTH,
  format: 'password',
  description: `${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters.`
})

export const UserView = Type.Object(
  { name: Type.String(), role: RoleName, createdAt: Time('When'), passwordChangedAt: Time('When') },
  { title: 'User' }
)

export const TokenView = Type.Object(
  {
    id: Type.String({ description: 'Identifies the token; not a secret.' }),
    user: Type.String({ description: 'The owner of the token.' }),
    name: Type.String({ description: 'The purpose of the token.' }),
    role: RoleName,
    createdAt: Time('When'),
    expiresAt: MaybeTime('When it expires'),
    lastUsedAt: MaybeTime('When it was last used, to the minute')
  },
  { title: 'Token' }
)

/** Path parameters of routes for one user. */
export const UserParams = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 255, examples: ['admin'], description: 'The name of a user.' })
})

export function userView({ name, role, createdAt, passwordChangedAt }: User): Static<typeof UserView> {
  return { name, role, createdAt: createdAt.toISOString(), passwordChangedAt: passwordChangedAt.toISOString() }
}

export function tokenView(token: ApiToken): Static<typeof TokenView> {
  const { id, userName, name, role, createdAt, expiresAt, lastUsedAt } = token
  return {
    id,
    user: userName,
    name,
    role,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null
  }
}
