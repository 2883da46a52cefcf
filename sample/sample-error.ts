/** The generator was asked for something it does not do; the message is meant for whoever asked. */
export class SampleError extends Error {}
