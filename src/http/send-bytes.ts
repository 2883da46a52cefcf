/**
 * Sends a range of an open file, with two buffers whatever its size: one is read while the other is being sent. They are
 * large only for clients that are fast, and only for so many at a time.
 */
import type { ServerResponse } from 'node:http'
import type { ByteRange, OpenFile } from '../core/open-file.ts'

/** What every download begins with: hundreds of clients that read slowly, or not at all, must not take much memory. */
const SMALL_BYTES = 64 * 1024

/** With smaller reads a fast download spends its time on system calls and on messages between threads. */
const LARGE_BYTES = 1024 * 1024

/** So much has to be sent before a download counts as a fast one: the system takes the first megabytes from anybody. */
const FAST_AFTER_BYTES = 8 * 1024 * 1024
const FAST_BYTES_PER_MS = 4 * 1024

/** All downloads together have no more large buffers. */
const MAX_LARGE_BUFFERS = 32

/** Large buffers that nobody uses; the next fast downloads take them over. More are not kept than a few downloads need. */
const idleBuffers: Buffer[] = []
const MAX_IDLE_BUFFERS = 8
let largeBuffersInUse = 0

/**
 * Resolves when everything is sent or the client has gone.
 * @param begin writes the head, as soon as the first bytes are there: until then the caller can still give another answer, as it
 * does when this rejects
 * @throws when the file cannot be read; what has begun is cut then, so that the client sees that something is missing
 */
export async function sendBytes(
  response: ServerResponse,
  file: OpenFile,
  range: ByteRange,
  begin: () => unknown
): Promise<void> {
  const buffers: [Buffer, Buffer] = [takeBuffer(false), takeBuffer(false)]
  let hasBegun = false
  let isFast = false
  const bufferOf = (turn: 0 | 1) => {
    buffers[turn] = exchange(buffers[turn], isFast)
    return buffers[turn]
  }
  try {
    let turn: 0 | 1 = 0
    let next = readAhead(file, bufferOf(turn), range.start, range.end)
    for (let position = range.start; position <= range.end; ) {
      const part = await next
      if (!hasBegun) await begin()
      hasBegun = true
      position += part.length
      turn = turn === 0 ? 1 : 0
      if (position <= range.end) next = readAhead(file, bufferOf(turn), position, range.end)
      const started = performance.now()
      if (!(await written(response, part))) {
        await next.catch(() => {})
        return
      }
      const isTakenFast = part.length >= FAST_BYTES_PER_MS * (performance.now() - started)
      isFast = isTakenFast && position - range.start >= FAST_AFTER_BYTES
    }
    if (!hasBegun) await begin()
    response.end()
  } catch (error) {
    if (hasBegun) response.destroy()
    throw error
  } finally {
    for (const buffer of buffers) putBuffer(buffer)
  }
}

/** A read that nobody waits for yet: if it fails, it does so when somebody does. */
function readAhead(...args: Parameters<typeof readPart>): Promise<Buffer> {
  const part = readPart(...args)
  part.catch(() => {})
  return part
}

async function readPart(file: OpenFile, buffer: Buffer, position: number, end: number): Promise<Buffer> {
  const length = await file.readInto(buffer.subarray(0, Math.min(buffer.length, end - position + 1)), position)
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

/** The same buffer, or one of the size that is wanted now. */
function exchange(buffer: Buffer, isFast: boolean): Buffer {
  if (isFast === (buffer.length === LARGE_BYTES)) return buffer
  putBuffer(buffer)
  return takeBuffer(isFast)
}

function takeBuffer(isLarge: boolean): Buffer {
  if (!isLarge || largeBuffersInUse === MAX_LARGE_BUFFERS) return Buffer.allocUnsafeSlow(SMALL_BYTES)
  largeBuffersInUse += 1
  return idleBuffers.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES)
}

function putBuffer(buffer: Buffer): void {
  if (buffer.length !== LARGE_BYTES) return
  largeBuffersInUse -= 1
  if (idleBuffers.length < MAX_IDLE_BUFFERS) idleBuffers.push(buffer)
}
