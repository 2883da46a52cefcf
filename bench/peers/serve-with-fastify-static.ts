/**
 * A process that serves a directory with @fastify/static. Argument: the directory. It prints the URL at which it
 * listens.
 */
import fastifyStatic from '@fastify/static'
import fastify from 'fastify'

const app = fastify()
await app.register(fastifyStatic, { root: process.argv[2], cacheControl: false })
process.stdout.write(`${await app.listen({ host: '127.0.0.1', port: 0 })}\n`)
