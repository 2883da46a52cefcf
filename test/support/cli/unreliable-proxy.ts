/** A way to a server that is cut, stops, or is not there for a time. */
import { once } from 'node:events'
import net from 'node:net'
import type { Test } from 'tap'

export interface Proxy {
  readonly port: number
  /** How many connections have been made so far. */
  readonly connections: () => number
  /** All that clients have said so far. */
  readonly heard: () => string
}

/**
 * What becomes of a connection: it goes through, it is cut or stops after so many bytes of answers, or it is refused.
 */
export type Fate = { readonly kind: 'whole' | 'refused' } | { readonly kind: 'cut' | 'stopped'; readonly bytes: number }

/** @param fateOf the connection of this number, from 0 */
export async function startProxy(t: Test, target: number, fateOf: (connection: number) => Fate): Promise<Proxy> {
  let count = 0
  let heard = ''
  const sockets = new Set<net.Socket>()
  const server = net.createServer((client) => {
    const fate = fateOf(count)
    count += 1
    sockets.add(client)
    client.on('error', () => {})
    if (fate.kind === 'refused') return void client.destroy()
    const upstream = net.connect(target, '127.0.0.1').on('error', () => {})
    sockets.add(upstream)
    client.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1')
    })
    client.pipe(upstream)
    let left = 'bytes' in fate ? fate.bytes : Number.POSITIVE_INFINITY
    upstream.on('data', (chunk: Buffer) => {
      client.write(chunk.subarray(0, Math.min(left, chunk.length)))
      left -= chunk.length
      if (left > 0) return
      upstream.pause()
      if (fate.kind === 'cut') client.end(() => client.destroy())
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: (server.address() as net.AddressInfo).port, connections: () => count, heard: () => heard }
}
