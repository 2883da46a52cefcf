/** A TCP proxy whose connections are cut, stall, or are refused. */
import { once } from 'node:events'
import net from 'node:net'
import type { Test } from 'tap'

export interface Proxy {
  readonly port: number
  /** The number of connections so far. */
  readonly connections: () => number
  /** All bytes that clients have sent so far, as Latin-1. */
  readonly received: () => string
}

/** The connection is passed through, is cut or stalls after this many bytes of answers, or is refused. */
export type Fate = { readonly kind: 'whole' | 'refused' } | { readonly kind: 'cut' | 'stopped'; readonly bytes: number }

/** @param fateOf returns the fate of a connection by its number, from 0 */
export async function startProxy(t: Test, target: number, fateOf: (connection: number) => Fate): Promise<Proxy> {
  let count = 0
  let received = ''
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
      received += chunk.toString('latin1')
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
  return { port: (server.address() as net.AddressInfo).port, connections: () => count, received: () => received }
}
