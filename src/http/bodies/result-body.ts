/** The common body of the appliance's API: `result` and `messages`. */
import { type Static, Type } from 'typebox'
import type { Message } from '../../core/problems/message.ts'
import { ERROR_TEXTS } from './error-texts.ts'

export const MessageView = Type.Object(
  {
    id: Type.String({
      description: 'Message id: FQXHM, component, number, severity letter (I, F, G, H, J, K, L, M, N).'
    }),
    text: Type.String(),
    explanation: Type.String(),
    recovery: Type.Object({ text: Type.String(), URL: Type.String() })
  },
  { title: 'Message' }
)

export const ErrorBody = Type.Object(
  {
    result: Type.String({ description: '`failed`' }),
    messages: Type.Array(MessageView)
  },
  { title: 'Error', description: 'The error, in a sentence that names the cause.' }
)

export type MessageView = Static<typeof MessageView>
export type ErrorBody = Static<typeof ErrorBody>

/** The errors that every route with a login can answer with. */
export const ERROR_RESPONSES = errorResponses('Error', ErrorBody.properties)

/** For routes that change something: they read a body, also where they need none. */
export const CHANGE_ERROR_RESPONSES = { ...ERROR_RESPONSES, 413: errorResponse(ERROR_TEXTS[413]) }

/** For the status call, which repeats the error under `errorMsg`. */
export const STATUS_ERROR_RESPONSES = errorResponses('StatusError', {
  ...ErrorBody.properties,
  errorMsg: Type.Object({ result: Type.String({ description: '`failure`' }), messages: Type.Array(MessageView) })
})

/** An error of a route, with the common body. */
export function errorResponse(description: string) {
  return Type.Object({ ...ErrorBody.properties }, { title: 'Error', description })
}

function errorResponses<Properties extends typeof ErrorBody.properties>(title: string, properties: Properties) {
  const response = (description: string) => Type.Object({ ...properties }, { title, description })
  return {
    400: response(ERROR_TEXTS[400]),
    401: response(ERROR_TEXTS[401]),
    403: response(ERROR_TEXTS[403]),
    429: response(ERROR_TEXTS[429]),
    500: response(ERROR_TEXTS[500]),
    503: response(ERROR_TEXTS[503])
  }
}

export function messageView(message: Message): MessageView {
  const { id, text, explanation, recovery } = message
  // Lenovo's documentation calls recovery an array; all its examples and all recorded answers have one object.
  return { id, text, explanation, recovery: { text: recovery, URL: '' } }
}

export function errorBody(messages: readonly Message[]): ErrorBody {
  return { result: 'failed', messages: messages.map(messageView) }
}
