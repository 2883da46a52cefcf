/** What names a request in its answer, and in every line of the log that is about it. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export const REQUEST_ID_HEADER = 'x-request-id'

/** As short as ids are, and of characters that need no escaping wherever they may be written. */
const SAFE_ID = /^[A-Za-z0-9._-]{1,64}$/

/**
 * Whoever sends an id that can be taken over as it is gets it back; else one is made that no other request has, here or
 * elsewhere.
 */
export function requestIds(): (request: Pick<IncomingMessage, 'headers'>) => string {
  const prefix = randomBytes(6).toString('hex')
  let count = 0
  return ({ headers }) => {
    const given = headers[REQUEST_ID_HEADER]
    if (typeof given === 'string' && SAFE_ID.test(given)) return given
    count += 1
    return `${prefix}-${count.toString(36)}`
  }
}
