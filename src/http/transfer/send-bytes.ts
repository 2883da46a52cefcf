/**
 * Sends a range of an open file, with two buffers whatever its size: one is read while the other is being sent. They
 * are large only for clients that are fast, and these share a budget.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { release } from '../../core/release.ts'
import type { ByteRange, OpenFile } from '../../core/storage/open-file.ts'

/**
 * What every connection begins with: hundreds of clients that read slowly, or not at all, must not take much memory.
 */
const SMALL_BYTES = 32 * 1024

/** With smaller reads a fast download spends its time on system calls and on messages between threads. */
const LARGE_BYTES = 1024 * 1024

/**
 * So much has to be sent on a connection before its client counts as a fast one: the system takes the first megabytes
 * from anybody.
 */
const FAST_AFTER_BYTES = 8 * 1024 * 1024
const FAST_BYTES_PER_MS = 4 * 1024

/** The buffers of all fast downloads together: the more of these there are, the smaller they are. */
const FAST_BUDGET_BYTES = 32 * LARGE_BYTES
let fastDownloads = 0
let fastBytes = 0

/** Buffers that nobody uses; the next fast downloads take them over. More are not kept than a few downloads need. */
const MAX_IDLE_BYTES = 8 * LARGE_BYTES
const idleBuffers = new Map<number, Buffer[]>()
let idleBytes = 0

/** What is known of the client at the other end. */
interface Client {
  sentBytes: number
  isFast: boolean
}

/** A client is the same one over all requests of a connection: many that take small ranges are fast ones too. */
const clients = new WeakMap<Socket, Client>()

/**
 * Resolves when everything is sent or the client has gone.
 * @param begin writes the head, as soon as the first bytes are there: until then the caller can still give another
 * answer, as it does when this rejects
 * @throws when the file cannot be read; what has begun is cut then, so that the client sees that something is missing
 */
export async function sendBytes(
  response: ServerResponse,
  file: OpenFile,
  range: ByteRange,
  begin: () => unknown
): Promise<void> {
  const client = clientOf(response.socket)
  const buffers: [Buffer, Buffer] = [Buffer.allocUnsafeSlow(0), Buffer.allocUnsafeSlow(0)]
  let hasBegun = false
  let isFast = false
  const bufferOf = (turn: 0 | 1, left: number) => {
    if (isFast !== client.isFast) fastDownloads += client.isFast ? 1 : -1
    isFast = client.isFast
    buffers[turn] = exchange(buffers[turn], isFast ? Math.min(shareOfBudget(), powerOfTwoFor(left)) : SMALL_BYTES)
    return buffers[turn]
  }
  const readNext = (turn: 0 | 1, position: number) =>
    readAhead(file, bufferOf(turn, range.end - position + 1), position, range.end)
  try {
    let turn: 0 | 1 = 0
    let next = readNext(turn, range.start)
    for (let position = range.start; position <= range.end; ) {
      const part = await next
      if (!hasBegun) await begin()
      hasBegun = true
      position += part.length
      turn = turn === 0 ? 1 : 0
      if (position <= range.end) next = readNext(turn, position)
      const started = performance.now()
      if (!(await written(response, part))) {
        await next.catch(() => {})
        return
      }
      client.sentBytes += part.length
      const isTakenFast = part.length >= FAST_BYTES_PER_MS * (performance.now() - started)
      client.isFast = isTakenFast && client.sentBytes >= FAST_AFTER_BYTES
    }
    if (!hasBegun) await begin()
    response.end()
  } catch (error) {
    if (hasBegun) response.destroy()
    throw error
  } finally {
    if (isFast) fastDownloads -= 1
    for (const buffer of buffers) putBuffer(buffer)
  }
}

/** @param socket null when the client has gone before it got anything */
function clientOf(socket: Socket | null): Client {
  const unknown = { sentBytes: 0, isFast: false }
  if (socket === null) return unknown
  const client = clients.get(socket) ?? unknown
  clients.set(socket, client)
  return client
}

/** A read that nobody waits for yet: if it fails, it does so when somebody does. */
function readAhead(...args: Parameters<typeof readPart>): Promise<Buffer> {
  const part = readPart(...args)
  part.catch(() => {})
  return part
}

async function readPart(file: OpenFile, buffer: Buffer, position: number, end: number): Promise<Buffer> {
  const length = await file.readInto(buffer.subarray(0, Math.min(buffer.length, end - position + 1)), position, end)
  if (length === 0) throw new Error(`The file ${file.name} ends at byte ${position}`)
  return buffer.subarray(0, length)
}

/** Resolves when the bytes have left the buffer: true when the system has them, false when the client has gone. */
function written(response: ServerResponse, part: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const onClose = () => resolve(false)
    response.once('close', onClose)
    response.write(part, (error) => {
      response.off('close', onClose)
      resolve(error === undefined || error === null)
    })
  })
}

/** What each of two buffers of a fast download may have: a power of two, so that buffers fit others. */
function shareOfBudget(): number {
  const share = 2 ** Math.floor(Math.log2(FAST_BUDGET_BYTES / 2 / fastDownloads))
  return Math.min(LARGE_BYTES, Math.max(SMALL_BYTES, share))
}

function powerOfTwoFor(bytes: number): number {
  return Math.max(SMALL_BYTES, 2 ** Math.ceil(Math.log2(bytes)))
}

/** The same buffer, or one of the size that is wanted now. */
function exchange(buffer: Buffer, size: number): Buffer {
  if (buffer.length === size) return buffer
  putBuffer(buffer)
  return takeBuffer(size)
}

/** A smaller one when others still have what is this download's share. */
function takeBuffer(size: number): Buffer {
  if (size === SMALL_BYTES || fastBytes + size > FAST_BUDGET_BYTES) return Buffer.allocUnsafeSlow(SMALL_BYTES)
  fastBytes += size
  const idle = idleBuffers.get(size)?.pop()
  if (idle !== undefined) idleBytes -= size
  return idle ?? Buffer.allocUnsafeSlow(size)
}

/** Nobody reads or writes it any more. */
function putBuffer(buffer: Buffer): void {
  const size = buffer.length
  const isSmall = size <= SMALL_BYTES
  if (!isSmall) fastBytes -= size
  if (isSmall || idleBytes + size > MAX_IDLE_BYTES) {
    release(buffer)
    return
  }
  idleBytes += size
  const idle = idleBuffers.get(size)
  if (idle === undefined) idleBuffers.set(size, [buffer])
  else idle.push(buffer)
}
