/** Users and tokens as our own API shows them. */
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
    '`viewer` reads; `exporter` also exports, downloads, and cancels its own exports; `operator` also imports, deletes, has the ' +
    'repository read, and cancels what others have started; `admin` also manages users and tokens.'
})

/** Its length is checked by hand: a message of the validator would quote it. */
/** What is longer is not even looked at; what is a little too long is told so in a sentence. */
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
    id: Type.String({ description: 'Names the token, and gives nobody its rights.' }),
    user: Type.String({ description: 'Its owner.' }),
    name: Type.String({ description: 'What it is for.' }),
    role: RoleName,
    createdAt: Time('When'),
    expiresAt: MaybeTime('When it ends'),
    lastUsedAt: MaybeTime('When it was last used, to the minute')
  },
  { title: 'Token' }
)

/** Of users as paths name them. */
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
