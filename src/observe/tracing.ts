/**
 * Traces (OpenTelemetry): a span for each request, which goes on with the trace of its caller, and one for each run of a task, which
 * points at the request that asked for it. Loaded only where somebody is to get them.
 */
import { type Link, ROOT_CONTEXT, type SpanContext, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { TRACE_PARENT_HEADER, TRACE_STATE_HEADER, W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider
} from '@opentelemetry/sdk-trace'
import type { AnsweredRequest, Tracing } from '../core/observation.ts'
import type { LaneReport } from '../worker/lane-port.ts'

/** Of requests whose tasks have not run yet; whoever has more waiting than that gets the spans of the runs without a link. */
const MAX_ASKERS = 10_000

/** A receiver that does not answer must not keep the server from ending. */
const CLOSE_TIMEOUT_MS = 3_000

export interface DepotTracing extends Tracing {
  /** To be told of what the worker does. */
  onReport(report: LaneReport): void
  /** Sends what was not sent yet. */
  close(): Promise<void>
}

export interface TracingOptions {
  readonly version: string
  /** How many of the traces that begin here are kept, from 0 to 1. */
  readonly ratio: number
  /** Traces that have begun elsewhere are kept as their beginning was. */
  readonly isParentBased: boolean
}

/** Where to send them, and with which headers, the exporter reads from the environment. */
export function createTracing({ version, ratio, isParentBased }: TracingOptions): DepotTracing {
  const root = new TraceIdRatioBasedSampler(ratio)
  const provider = new TracerProvider({
    // What the environment says counts more.
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'fixdepot', 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: isParentBased ? new ParentBasedSampler({ root }) : root,
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })]
  })
  const tracer = provider.getTracer('fixdepot', version)
  const propagator = new W3CTraceContextPropagator()
  /** The requests that have started tasks, by task. */
  const askers = new Map<number, SpanContext>()
  /** When runs began, by their work. */
  const began = new Map<number, number>()

  return {
    beginRequest(method, headers) {
      const carrier: Record<string, string | string[] | undefined> = {
        [TRACE_PARENT_HEADER]: headers.traceparent,
        [TRACE_STATE_HEADER]: headers.tracestate
      }
      const parent = propagator.extract(ROOT_CONTEXT, carrier, {
        get: (from: typeof carrier, key) => from[key],
        keys: (from) => Object.keys(from)
      })
      const attributes = { 'http.request.method': method }
      const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent)
      return {
        traceId: span.spanContext().traceId,
        startedTask(taskId) {
          span.setAttribute('fixdepot.task.id', taskId)
          askers.set(taskId, span.spanContext())
          const oldest = askers.keys().next()
          if (askers.size > MAX_ASKERS && !oldest.done) askers.delete(oldest.value)
        },
        end({ route, status, isCut }: AnsweredRequest) {
          if (route !== '') span.updateName(`${method} ${route}`).setAttribute('http.route', route)
          span.setAttribute('http.response.status_code', status)
          if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
          if (isCut) span.setAttribute('error.type', 'connection closed').setStatus({ code: SpanStatusCode.ERROR })
          span.end()
        }
      }
    },

    onReport({ event, kind, workId, taskId, crashes, failure }) {
      if (event === 'started') {
        began.set(workId, Date.now())
        return
      }
      const startTime = began.get(workId)
      began.delete(workId)
      if (startTime === undefined) return
      const asker = askers.get(taskId)
      // Interrupted work has another run.
      if (event !== 'interrupted') askers.delete(taskId)
      const links: Link[] = asker === undefined ? [] : [{ context: asker }]
      const attributes = {
        'fixdepot.task.id': taskId,
        'fixdepot.task.kind': kind,
        'fixdepot.run.result': event,
        'fixdepot.run.crashes': crashes
      }
      // Within the trace of who asked, though the request has ended long ago: what it was good for is seen there.
      const parent = asker === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, asker)
      const span = tracer.startSpan(`run ${kind}`, { kind: SpanKind.CONSUMER, startTime, attributes, links }, parent)
      if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure.text })
      span.end()
    },

    async close() {
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, CLOSE_TIMEOUT_MS)
      // What cannot be sent is lost, and no reason not to end in peace.
      await Promise.race([provider.shutdown().catch(() => {}), late.promise])
      clearTimeout(timer)
    }
  }
}
