/** What the routes tell those who watch the depot: of requests, and of the tasks that these start. */

/** A request that has its answer, or whose client has gone. */
export interface AnsweredRequest {
  readonly method: string
  /** As it was registered, such as `/api/v1/packages/:fixid`; empty when there is none. */
  readonly route: string
  readonly status: number
  readonly seconds: number
  /** The connection was closed before the end of the answer. */
  readonly isCut: boolean
}

/** The numbers of the depot, in the format of Prometheus. */
export interface Metrics {
  readonly contentType: string
  /** Called for every request: it is to cost next to nothing. */
  observe(answered: AnsweredRequest): void
  /** All of them as text; at most a second old. */
  read(): Promise<string>
}

/** A request as a part of a trace. */
export interface RequestTrace {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** The request has started this task: the trace of its runs points here. */
  startedTask(taskId: number): void
  end(answered: AnsweredRequest): void
}

export interface Tracing {
  /**
   * Goes on with the trace of the caller, if there is one.
   * @param headers of the request: `traceparent` and `tracestate` (W3C Trace Context)
   */
  beginRequest(method: string, headers: Readonly<Record<string, string | string[] | undefined>>): RequestTrace
}
