/** Requests as the bytes that a client puts on the wire, and answers as they come off it. */
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import type { Test } from 'tap'

export interface RawAnswer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** Every Set-Cookie, as it came. */
  readonly cookies: readonly string[]
  readonly body: Buffer
}

export interface RawConnection {
  /** Sends these lines, an empty one and the body, and waits for one answer. */
  send(lines: readonly string[], body?: string | Buffer): Promise<RawAnswer>
}

/** One connection, for one request after the other. */
export async function connect(t: Test, url: string): Promise<RawConnection> {
  const { hostname, port, protocol } = new URL(url)
  const isSecure = protocol === 'https:'
  // The clients that this stands for look at no certificate.
  const socket = isSecure
    ? tls.connect({ port: Number(port), host: hostname, rejectUnauthorized: false })
    : net.connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  await once(socket, isSecure ? 'secureConnect' : 'connect')
  const chunks = socket.iterator({ destroyOnReturn: false })
  let pending: Buffer = Buffer.alloc(0)

  /** The bytes up to a mark, or so many; what follows stays. */
  async function take(end: () => number): Promise<Buffer> {
    for (;;) {
      const length = end()
      if (length >= 0 && pending.length >= length) {
        const taken = pending.subarray(0, length)
        pending = pending.subarray(length)
        return taken
      }
      const { value, done } = await chunks.next()
      if (done === true) throw new Error(`The server closed the connection after ${JSON.stringify(pending.toString())}`)
      pending = Buffer.concat([pending, value])
    }
  }
  const takeBytes = (count: number) => take(() => count)
  async function takeUntil(mark: string): Promise<string> {
    const text = await take(() => {
      const at = pending.indexOf(mark)
      return at === -1 ? -1 : at + mark.length
    })
    return text.toString('latin1').slice(0, -mark.length)
  }

  async function takeChunks(): Promise<Buffer> {
    const parts: Buffer[] = []
    for (;;) {
      const size = Number.parseInt(await takeUntil('\r\n'), 16)
      parts.push((await takeBytes(size + 2)).subarray(0, size))
      if (size === 0) return Buffer.concat(parts)
    }
  }

  return {
    async send(lines, body = '') {
      socket.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]))
      const [statusLine = '', ...fields] = (await takeUntil('\r\n\r\n')).split('\r\n')
      const all = fields.map((field) => {
        const colon = field.indexOf(':')
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const
      })
      const headers: Record<string, string> = Object.fromEntries(all)
      const cookies = all.filter(([name]) => name === 'set-cookie').map(([, value]) => value)
      const isChunked = headers['transfer-encoding'] === 'chunked'
      const content = isChunked ? await takeChunks() : await takeBytes(Number(headers['content-length'] ?? 0))
      return { status: Number(statusLine.split(' ')[1]), headers, cookies, body: content }
    }
  }
}
