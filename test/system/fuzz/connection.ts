/** A persistent connection that sends raw bytes, and reads one answer after the other. */
import net from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** Undefined for an endless stream, and for a body that was cut. */
  readonly body: Buffer | undefined
}

export interface Connection {
  /**
   * Sends a request and waits for its answer; undefined when the connection was closed without one.
   * @param isHead whether the answer has no body, whatever its Content-Length
   * @throws Error when no answer comes in time
   */
  ask(request: Buffer, isHead: boolean): Promise<RawAnswer | undefined>
  close(): void
}

const WAIT_MS = 30_000
const END_OF_HEAD = '\r\n\r\n'

/** Connects again after each end of the connection. @param address such as `http://127.0.0.1:8443` */
export function openConnection(address: string): Connection {
  const { hostname, port } = new URL(address)
  let socket: net.Socket | undefined
  let pending: Buffer = Buffer.alloc(0)
  /** Chunks after `pending`. They are joined only when needed, so that a long body is copied once. */
  let parts: Buffer[] = []
  let bytes = 0
  let wake = () => {}

  function connect(): net.Socket {
    const opened = net.connect({ host: hostname, port: Number(port), noDelay: true })
    pending = Buffer.alloc(0)
    parts = []
    bytes = 0
    opened.on('data', (chunk) => {
      if (socket !== opened) return
      parts.push(chunk)
      bytes += chunk.length
      wake()
    })
    opened.on('error', () => {})
    opened.on('close', () => {
      if (socket !== opened) return
      socket = undefined
      wake()
    })
    return opened
  }

  /** Calls `parse` after each chunk until it returns a result; undefined when the connection has ended. */
  async function take<Result>(parse: () => Result | undefined): Promise<Result | undefined> {
    for (;;) {
      const found = parse()
      if (found !== undefined || socket === undefined) return found
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`nothing came for ${WAIT_MS} ms`)), WAIT_MS)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  function gather(): void {
    if (parts.length === 0) return
    pending = Buffer.concat([pending, ...parts])
    parts = []
  }

  const takeBytes = (count: number) =>
    take(() => {
      if (bytes < count) return undefined
      gather()
      bytes -= count
      const taken = pending.subarray(0, count)
      pending = pending.subarray(count)
      return taken
    })

  async function takeLine(delimiter: string): Promise<string | undefined> {
    const line = await take(() => {
      gather()
      const at = pending.indexOf(delimiter)
      if (at === -1) return undefined
      bytes -= at + delimiter.length
      const taken = pending.subarray(0, at)
      pending = pending.subarray(at + delimiter.length)
      return taken
    })
    return line?.toString('latin1')
  }

  async function takeChunks(): Promise<Buffer | undefined> {
    const parts: Buffer[] = []
    for (;;) {
      const size = Number.parseInt((await takeLine('\r\n')) ?? '', 16)
      const part = Number.isNaN(size) ? undefined : await takeBytes(size + 2)
      if (part === undefined) return undefined
      parts.push(part.subarray(0, size))
      if (size === 0) return Buffer.concat(parts)
    }
  }

  function end(): void {
    const ended = socket
    socket = undefined
    ended?.destroy()
  }

  async function readAnswer(isHead: boolean): Promise<RawAnswer | undefined> {
    const head = await takeLine(END_OF_HEAD)
    if (head === undefined) return undefined
    const [statusLine = '', ...fields] = head.split('\r\n')
    const headers: Record<string, string> = {}
    for (const field of fields) {
      const colon = field.indexOf(':')
      headers[field.slice(0, colon).toLowerCase()] = field.slice(colon + 1).trim()
    }
    const status = Number(statusLine.split(' ')[1])
    if (status < 200) return readAnswer(isHead)
    const isStream = headers['content-type']?.startsWith('text/event-stream') ?? false
    const isEmpty = isHead || status === 204 || status === 304
    const body = isStream
      ? undefined
      : isEmpty
        ? Buffer.alloc(0)
        : headers['transfer-encoding'] === 'chunked'
          ? await takeChunks()
          : await takeBytes(Number(headers['content-length'] ?? 0))
    if (isStream || body === undefined || headers.connection === 'close') end()
    return { status, headers, body }
  }

  return {
    async ask(request, isHead) {
      socket ??= connect()
      socket.write(request)
      try {
        const answer = await readAnswer(isHead)
        // Remaining bytes would be read as the next answer.
        if (answer === undefined || bytes > 0) end()
        return answer
      } catch (error) {
        end()
        throw error
      }
    },
    close: end
  }
}
