/** Sessions as the appliance's API shows them. */
import { Type } from 'typebox'
import type { Session } from '../../core/accounts/session.ts'
import { REQUEST_SUCCEEDED } from '../../core/problems/message.ts'
import { MessageView, messageView } from '../bodies/result-body.ts'

const sessionMembers = {
  id: Type.String({
    description: 'The id of the session; in the answer to a login, the value of the cookie JSESSIONID.'
  }),
  UserId: Type.String(),
  Address: Type.String({ description: 'The address that the login came from.' }),
  authenticationServer: Type.String({ description: '`local`' }),
  created: Type.String({ description: 'ISO 8601, UTC.' }),
  lastAccessed: Type.String({ description: 'ISO 8601, UTC.' }),
  idleFor: Type.String({ description: 'Seconds, as a string.' }),
  isOwnSession: Type.Boolean()
}

const result = {
  result: Type.String({ description: '`success`' }),
  messages: Type.Array(MessageView)
}

export const LoginView = Type.Object(
  {
    response: Type.Object({
      pwChangeRequired: Type.Boolean(),
      session: Type.Object({
        ...sessionMembers,
        csrf: Type.String({ description: 'The value of the header X-Csrf-Token for requests that change something.' }),
        inactivityTimeout: Type.String({
          description: 'Minutes without use, as a string, after which the session ends.'
        })
      })
    }),
    ...result
  },
  { title: 'Login' }
)

export const SessionListView = Type.Object(
  { response: Type.Array(Type.Object(sessionMembers)), ...result },
  { title: 'Sessions' }
)
export const DoneView = Type.Object(result, { title: 'Done' })

export const SUCCESS = { result: 'success', messages: [messageView(REQUEST_SUCCEEDED)] }

/** @param own id of the session of the request */
export function sessionView(session: Session, own: string | undefined) {
  const { id, userName, address, createdAt, lastUsedAt } = session
  return {
    id,
    UserId: userName,
    Address: address,
    authenticationServer: 'local',
    created: createdAt.toISOString(),
    lastAccessed: lastUsedAt.toISOString(),
    idleFor: String(Math.max(0, Math.floor((Date.now() - lastUsedAt.getTime()) / 1000))),
    isOwnSession: id === own
  }
}
