/**
 * Downloads from where the server leads to: the storage that has its archives. The login is for the server alone, and
 * the URL has a secret in it: sentences name the machine only.
 */
import http from 'node:http'
import https from 'node:https'
import { CommandError, EXIT, interrupted } from '../terminal/exit.ts'
import { Unreachable, unreachable } from './api-error.ts'
import type { Connection } from './connection.ts'

export interface LinkClient {
  /**
   * An answer whose body the caller reads, or destroys.
   * @throws CommandError for every answer that is an error, and for none
   */
  open(link: string, headers: http.OutgoingHttpHeaders): Promise<http.IncomingMessage>
  close(): void
}

/** What may be another one when it is asked again. */
const PASSING: ReadonlySet<number> = new Set([429, 500, 502, 503, 504])

/**
 * @param trusted authorities beside that of the connection
 * @param silenceMs after which a connection is given up
 * @param signal gives up whatever is under way
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
        throw new CommandError(EXIT.unreachable, 'ANSWER_INVALID', 'The server leads to a place that is none.')
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
      const sentence = `The server leads to ${origin} for the archive, which answered ${status}.`
      throw new Unreachable(`STORAGE_HTTP_${status}`, sentence, '', PASSING.has(status))
    },
    close() {
      for (const agent of Object.values(agents ?? {})) agent.destroy()
    }
  }
}
