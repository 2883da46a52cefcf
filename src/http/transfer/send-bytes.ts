/**
 * Sends a range of an open file with two buffers: one is filled while the other is sent. Only fast clients get large
 * buffers, which share a budget.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ByteRange, OpenFile } from '../../core/storage/open-file.ts'
import { release } from './release-memory.ts'

/** The initial size: hundreds of clients that read slowly, or not at all, must not take much memory. */
const SMALL_BYTES = 32 * 1024

/** Smaller reads make a fast download spend its time on system calls and messages between threads. */
const LARGE_BYTES = 1024 * 1024

/**
 * A client counts as fast only after this many bytes on its connection: the first megabytes go into buffers of the
 * system, for every client.
 */
const FAST_AFTER_BYTES = 8 * 1024 * 1024
const FAST_BYTES_PER_MS = 4 * 1024

/** The limit for the buffers of all fast downloads: with more downloads, each has smaller buffers. */
const FAST_BUDGET_BYTES = 32 * LARGE_BYTES
let fastDownloads = 0
let fastBytes = 0

/** Unused buffers, kept for the next fast downloads; only as many as a few downloads need. */
const MAX_IDLE_BYTES = 8 * LARGE_BYTES
const idleBuffers = new Map<number, Buffer[]>()
let idleBytes = 0

/** Measurements of a client. */
interface Client {
  sentBytes: number
  isFast: boolean
}

/** One client for all requests of a connection, so that clients that request small ranges can also become fast. */
const clients = new WeakMap<Socket, Client>()

/**
 * Resolves when everything is sent, or the client has disconnected.
 * @param begin writes the headers; called after the first bytes are read, so that the caller can still send another
 * answer when this rejects before
 * @throws when the file cannot be read; an answer that has begun is cut, so that the client detects that it is
 * incomplete
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
  const bufferOf = (index: 0 | 1, left: number) => {
    if (isFast !== client.isFast) fastDownloads += client.isFast ? 1 : -1
    isFast = client.isFast
    buffers[index] = exchange(buffers[index], isFast ? Math.min(shareOfBudget(), powerOfTwoFor(left)) : SMALL_BYTES)
    return buffers[index]
  }
  const readNext = (index: 0 | 1, position: number) =>
    readAhead(file, bufferOf(index, range.end - position + 1), position, range.end)
  try {
    let index: 0 | 1 = 0
    let next = readNext(index, range.start)
    for (let position = range.start; position <= range.end; ) {
      const part = await next
      if (!hasBegun) await begin()
      hasBegun = true
      position += part.length
      index = index === 0 ? 1 : 0
      if (position <= range.end) next = readNext(index, position)
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

/** @param socket null when the client has already disconnected */
function clientOf(socket: Socket | null): Client {
  const unknown = { sentBytes: 0, isFast: false }
  if (socket === null) return unknown
  const client = clients.get(socket) ?? unknown
  clients.set(socket, client)
  return client
}

/** A read that is awaited later: an error before that is not an unhandled rejection. */
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

/** Resolves when the buffer can be reused: true when the bytes were sent, false when the client has disconnected. */
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

/** Size of each of the two buffers of a fast download: a power of two, so that other downloads can reuse them. */
function shareOfBudget(): number {
  const share = 2 ** Math.floor(Math.log2(FAST_BUDGET_BYTES / 2 / fastDownloads))
  return Math.min(LARGE_BYTES, Math.max(SMALL_BYTES, share))
}

function powerOfTwoFor(bytes: number): number {
  return Math.max(SMALL_BYTES, 2 ** Math.ceil(Math.log2(bytes)))
}

/** The same buffer, or another one if its size is not `size`. */
function exchange(buffer: Buffer, size: number): Buffer {
  if (buffer.length === size) return buffer
  putBuffer(buffer)
  return takeBuffer(size)
}

/** A small buffer when other downloads still use this download's share of the budget. */
function takeBuffer(size: number): Buffer {
  if (size === SMALL_BYTES || fastBytes + size > FAST_BUDGET_BYTES) return Buffer.allocUnsafeSlow(SMALL_BYTES)
  fastBytes += size
  const idle = idleBuffers.get(size)?.pop()
  if (idle !== undefined) idleBytes -= size
  return idle ?? Buffer.allocUnsafeSlow(size)
}

/** Takes back a buffer that is no longer used. */
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
