import { once } from 'node:events'
import http, { type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import type { OpenFile } from '../../../../src/core/storage/open-file.ts'
import { sendBytes } from '../../../../src/http/transfer/send-bytes.ts'

const MIB = 2 ** 20

function archiveOf(bytes: Buffer, size = bytes.length): OpenFile {
  return {
    name: 'repository20260105093000.zip',
    size,
    modifiedAt: new Date(),
    digest: 'd',
    contentType: 'application/zip',
    readInto: async (buffer, position) => bytes.copy(buffer, 0, position, position + buffer.length),
    close: async () => {}
  }
}

/** Answers every request with a range of an archive, and remembers how the sending ended. */
async function serve(t: Test, archive: OpenFile, range: { start: number; end: number }) {
  const endings: string[] = []
  const server = http.createServer(async (_request, response) => {
    const begin = () => response.writeHead(200, { 'content-length': range.end - range.start + 1 })
    endings.push(
      await sendBytes(response, archive, range, begin).then(
        () => 'resolved',
        (error: Error) => error.message
      )
    )
    server.emit('sent')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { server, endings, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function patterned(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  for (let index = 0; index < size; index += 1) bytes[index] = (index * 31 + (index >> 8)) & 0xff
  return bytes
}

t.test('a range is sent byte for byte, whatever its size', async (t) => {
  const bytes = patterned(5 * MIB + 3)
  for (const [start, end] of [
    [0, bytes.length - 1],
    [0, 0],
    [bytes.length - 1, bytes.length - 1],
    [MIB - 1, 3 * MIB],
    [1, MIB],
    [17, 2 * MIB + 16]
  ] as const) {
    const { url } = await serve(t, archiveOf(bytes), { start, end })
    const received = Buffer.from(await (await fetch(url)).arrayBuffer())
    t.ok(received.equals(bytes.subarray(start, end + 1)), `${start} to ${end}`)
  }
})

t.test('a file with short reads is sent whole', async (t) => {
  const bytes = patterned(50_000)
  const archive = archiveOf(bytes)
  const sparing: OpenFile = {
    ...archive,
    readInto: (buffer, position) => archive.readInto(buffer.subarray(0, 777), position)
  }
  const { url } = await serve(t, sparing, { start: 0, end: bytes.length - 1 })
  t.ok(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(bytes))
})

t.test('concurrent and consecutive downloads do not share bytes', async (t) => {
  const servers = await Promise.all(
    [1, 2, 3, 4].map(async (value) => {
      const bytes = Buffer.alloc(3 * MIB + value, value)
      return { value, length: bytes.length, ...(await serve(t, archiveOf(bytes), { start: 0, end: bytes.length - 1 })) }
    })
  )
  for (let round = 0; round < 3; round += 1) {
    await Promise.all(
      servers.map(async ({ value, length, url }) => {
        const received = Buffer.from(await (await fetch(url)).arrayBuffer())
        t.ok(received.length === length && received.every((byte) => byte === value), `only ${value}`)
      })
    )
  }
})

t.test('a file that ends too early cuts the connection, and is an error', async (t) => {
  const { url, endings, server } = await serve(t, archiveOf(patterned(MIB + 10), 3 * MIB), {
    start: 0,
    end: 3 * MIB - 1
  })
  const sent = once(server, 'sent')
  const response = await fetch(url)
  await t.rejects(response.arrayBuffer())
  await sent
  t.match(endings, [/^The file repository20260105093000\.zip ends at byte 1048586$/])
})

t.test('a client that disconnects ends the transfer without an error', async (t) => {
  const bytes = patterned(64 * MIB)
  const { url, endings, server } = await serve(t, archiveOf(bytes), { start: 0, end: bytes.length - 1 })
  const sent = once(server, 'sent')
  const request = http.get(url, { agent: false })
  const [response] = await once(request, 'response')
  await once(response, 'readable')
  request.destroy()
  await sent
  t.same(endings, ['resolved'])
})

t.test(
  'a read that fails while the client is slow rejects the transfer, and is not an unhandled rejection',
  async (t) => {
    const failed = Promise.withResolvers<void>()
    const archive: OpenFile = {
      ...archiveOf(patterned(MIB), 2 * MIB),
      async readInto(buffer, position) {
        if (position === 0) return buffer.length
        failed.resolve()
        throw new Error('EIO')
      }
    }
    const unhandled: unknown[] = []
    const onUnhandled = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', onUnhandled)
    t.teardown(() => process.off('unhandledRejection', onUnhandled))
    // Takes the first part only some turns after the second one could not be read.
    const slow = new Writable({
      async write(_part, _encoding, done) {
        await failed.promise
        for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
        done()
      }
    })
    await t.rejects(
      sendBytes(
        Object.assign(slow, { socket: null }) as unknown as ServerResponse,
        archive,
        { start: 0, end: 2 * MIB - 1 },
        () => {}
      ),
      {
        message: 'EIO'
      }
    )
    t.ok(slow.destroyed)
    t.same(unhandled, [], 'nothing that would end the process')
  }
)
