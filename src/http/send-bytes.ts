/** Sends a range of an open archive, with two buffers whatever its size: one is read while the other is being sent. */
import type { ServerResponse } from 'node:http'
import type { ByteRange, OpenArchive } from '../core/archive.ts'

/** With smaller reads a download spends its time on system calls and on messages between threads. */
const BUFFER_BYTES = 1024 * 1024

/** Buffers of downloads that have ended; the next ones take them over. More are not kept than a few downloads need. */
const idleBuffers: Buffer[] = []
const MAX_IDLE_BUFFERS = 8

/**
 * Resolves when everything is sent or the client has gone. The head must have been written before.
 * @throws when the archive cannot be read; then the connection is cut, so that the client sees that something is missing
 */
export async function sendBytes(response: ServerResponse, archive: OpenArchive, range: ByteRange): Promise<void> {
  const buffers = [takeBuffer(), takeBuffer()] as const
  try {
    let turn = 0
    let next = readAhead(archive, buffers[0], range.start, range.end)
    for (let position = range.start; position <= range.end; ) {
      const part = await next
      position += part.length
      turn = 1 - turn
      if (position <= range.end) next = readAhead(archive, buffers[turn as 0 | 1], position, range.end)
      if (!(await written(response, part))) {
        await next.catch(() => {})
        return
      }
    }
    response.end()
  } catch (error) {
    response.destroy()
    throw error
  } finally {
    for (const buffer of buffers) if (idleBuffers.length < MAX_IDLE_BUFFERS) idleBuffers.push(buffer)
  }
}

/** A read that nobody waits for yet: if it fails, it does so when somebody does. */
function readAhead(...args: Parameters<typeof readPart>): Promise<Buffer> {
  const part = readPart(...args)
  part.catch(() => {})
  return part
}

async function readPart(archive: OpenArchive, buffer: Buffer, position: number, end: number): Promise<Buffer> {
  const length = await archive.readInto(buffer.subarray(0, Math.min(BUFFER_BYTES, end - position + 1)), position)
  if (length === 0) throw new Error(`The archive ${archive.name} ends at byte ${position}`)
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

function takeBuffer(): Buffer {
  return idleBuffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
}
