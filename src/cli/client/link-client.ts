/**
 * Downloads from the storage of archives to which the server redirects. The login is never sent there. The URL contains
 * a secret: error sentences name only its origin.
 */
import http from 'node:http'
import https from 'node:https'
import { CommandError, EXIT, interrupted } from '../terminal/exit.ts'
import { Unreachable, unreachable } from './api-error.ts'
import type { Connection } from './connection.ts'

export interface LinkClient {
  /**
   * A response whose body the caller reads or destroys.
   * @throws CommandError for a response that is an error, and for no response
   */
  open(link: string, headers: http.OutgoingHttpHeaders): Promise<http.IncomingMessage>
  close(): void
}

/** A retry may succeed. */
const TRANSIENT: ReadonlySet<number> = new Set([429, 500, 502, 503, 504])

/**
 * @param trusted authorities in addition to that of the connection
 * @param silenceMs after which a connection without data ends
 * @param signal aborts the running requests
 */
export function createLinkClient(
  { ca, insecure }: Pick<Connection, 'ca' | 'insecure'>,
  trusted: () => string[],
  silenceMs: number,
  signal: AbortSignal
): LinkClient {
  const options = { keepAlive: true, timeout: silenceMs }
  let agents: Record<string, http.Agent> | undefined
  const agentsOf = () => ({
    'http:': new http.Agent(options),
    'https:': new https.Agent({
      ...options,
      rejectUnauthorized: !insecure,
      ...(insecure ? {} : { ca: [...(ca === undefined ? [] : [ca]), ...trusted()] })
    })
  })

  return {
    async open(link, headers) {
      const url = URL.parse(link)
      agents ??= agentsOf()
      const agent = agents[url?.protocol ?? '']
      if (url === null || agent === undefined) {
        throw new CommandError(EXIT.unreachable, 'ANSWER_INVALID', 'The server redirects to an invalid URL.')
      }
      const { origin, protocol } = url
      const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
        const request = (protocol === 'https:' ? https : http).get(url, {
          agent,
          signal,
          headers: { 'user-agent': 'fixdepot', ...headers }
        })
        const fail = (error: unknown) => reject(signal.aborted ? interrupted() : unreachable(error, origin))
        request.once('response', resolve).on('error', fail)
        request.once('timeout', () => request.destroy(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' })))
      })
      const { statusCode: status = 0 } = response
      if (status >= 200 && status < 300) return response
      response.destroy()
      const sentence = `The server redirects to ${origin} for the archive, which answered ${status}.`
      throw new Unreachable(`STORAGE_HTTP_${status}`, sentence, '', TRANSIENT.has(status))
    },
    close() {
      for (const agent of Object.values(agents ?? {})) agent.destroy()
    }
  }
}
