/** The metrics port, and what the routes report to it about requests. */

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
  /** Called for every request: it must be cheap. */
  recordRequest(answered: AnsweredRequest): void
  /** All of them as text; at most a second old. */
  read(): Promise<string>
}
