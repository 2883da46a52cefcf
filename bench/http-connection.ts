/**
 * A keep-alive connection that sends one request after the other. Node's own client needs more time for a request than
 * the server for its response: a load from it would measure the client.
 */
import net from 'node:net'

export interface Answer {
  readonly status: number
  /** Of the body. */
  readonly bytes: number
  /** The body as text, unless it is long. */
  readonly text: string
}

export interface HttpConnection {
  /** Sends a request after the responses to the earlier ones. @throws Error when the connection breaks */
  ask(request: string): Promise<Answer>
  close(): void
}

/** Longer bodies are counted, but not stored. */
const MAX_TEXT_BYTES = 64 * 1024
const READ_BYTES = 256 * 1024
const END_OF_HEAD = '\r\n\r\n'

/** All connections read into it: none reads before the content of the last read was consumed. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES)

export interface ConnectionOptions {
  /** For a slow reader: how long it waits after each read, of at most `SLOW_READ_BYTES`. */
  readonly pauseMs?: number
}

const SLOW_READ_BYTES = 64 * 1024

/** @param address such as `http://127.0.0.1:8443`; the part after the port is ignored */
export function openConnection(address: string, { pauseMs = 0 }: ConnectionOptions = {}): HttpConnection {
  const { hostname, port } = new URL(address)
  const reader = createReader()
  const socket = net.connect({
    host: hostname,
    port: Number(port),
    noDelay: true,
    onread: {
      buffer: pauseMs === 0 ? shared : shared.subarray(0, SLOW_READ_BYTES),
      callback(count, buffer) {
        try {
          reader.take(Buffer.from(buffer.buffer, buffer.byteOffset, count))
        } catch (error) {
          socket.destroy(error as Error)
        }
        if (pauseMs > 0) {
          socket.pause()
          setTimeout(() => socket.resume(), pauseMs).unref()
        }
        return true
      }
    }
  })
  socket.on('error', (error) => reader.fail(error))
  socket.on('close', () => reader.fail(new Error(`${address} has closed the connection`)))
  let last: Promise<unknown> = Promise.resolve()
  return {
    ask(request) {
      const answer = last.then(() => {
        const next = reader.next()
        socket.write(request)
        return next
      })
      last = answer.catch(() => {})
      return answer
    },
    close: () => socket.destroy()
  }
}

/** The text of a request without a body. */
export function requestText(method: string, url: string, headers: Readonly<Record<string, string>>): string {
  const { host, pathname, search } = new URL(url)
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}`)
  return [`${method} ${pathname}${search} HTTP/1.1`, ...lines, '', ''].join('\r\n')
}

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

/** Parses responses from received blocks of any size. */
function createReader() {
  let waiting: Waiting | undefined
  let head = ''
  let body: { readonly status: number; readonly bytes: number; left: number; text: string } | undefined
  let broken: Error | undefined
  const finish = () => {
    if (body === undefined || body.left > 0) return
    const { status, bytes, text } = body
    const asker = waiting
    body = waiting = undefined
    asker?.resolve({ status, bytes, text })
  }
  const takeBody = (part: Buffer) => {
    if (body === undefined) return
    body.left -= part.length
    if (body.left < 0) throw new Error('An answer is longer than its head says')
    if (body.bytes <= MAX_TEXT_BYTES) body.text += part.toString('latin1')
    finish()
  }
  return {
    next(): Promise<Answer> {
      if (broken !== undefined) return Promise.reject(broken)
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
      })
    },
    take(part: Buffer): void {
      if (body !== undefined) {
        takeBody(part)
        return
      }
      const before = Buffer.byteLength(head, 'latin1')
      head += part.toString('latin1')
      const end = head.indexOf(END_OF_HEAD)
      if (end === -1) return
      body = { ...readHead(head.slice(0, end)), text: '' }
      head = ''
      takeBody(part.subarray(end + END_OF_HEAD.length - before))
    },
    fail(error: Error): void {
      broken ??= error
      waiting?.reject(broken)
      waiting = undefined
    }
  }
}

function readHead(head: string): { status: number; bytes: number; left: number } {
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (length === undefined) throw new Error(`An answer without a length: ${head}`)
  return { status: Number(head.slice(9, 12)), bytes: Number(length), left: Number(length) }
}
