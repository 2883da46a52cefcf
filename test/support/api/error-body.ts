import type { LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'

export interface ExpectedError {
  readonly status: number
  readonly id: string
  readonly text: RegExp
}

/** Asserts the common body of errors, member by member, and gives it back. */
export function equalError(
  t: Test,
  response: Pick<LightMyRequestResponse, 'statusCode' | 'headers' | 'body'>,
  { status, id, text }: ExpectedError,
  name = ''
): Record<string, unknown> {
  const { statusCode, headers } = response
  const body = JSON.parse(response.body)
  t.match(
    { statusCode, contentType: headers['content-type'], body },
    {
      statusCode: status,
      contentType: 'application/json; charset=utf-8',
      body: {
        result: 'failed',
        messages: [{ id, text, explanation: String, recovery: { text: /\w/, URL: '' } }]
      }
    },
    name
  )
  t.same(body.messages.map(Object.keys), [['id', 'text', 'explanation', 'recovery']], `${name}: one whole message`)
  return body
}

/** Asserts the body that errors of our own API have, member by member. */
export function equalProblem(
  t: Test,
  response: Pick<LightMyRequestResponse, 'statusCode' | 'headers' | 'body'>,
  { status, id, text }: ExpectedError,
  name = ''
): void {
  const { statusCode, headers } = response
  const body = JSON.parse(response.body)
  t.match(
    { statusCode, contentType: headers['content-type'], body },
    {
      statusCode: status,
      contentType: 'application/problem+json; charset=utf-8',
      body: { type: 'about:blank', title: /\w/, status, detail: text, code: /^[A-Z_]+$/, messageId: id, recovery: /\w/ }
    },
    name
  )
}

/** Asserts the body of an error of the status call, which has everything under `errorMsg` too. */
export function equalStatusError(
  t: Test,
  response: LightMyRequestResponse,
  expected: ExpectedError,
  name = ''
): Record<string, unknown> {
  const body = equalError(t, response, expected, name)
  t.same(body.errorMsg, { result: 'failure', messages: body.messages }, `${name}: errorMsg`)
  return body
}
