// The saga of tests/bench/sagas.c for Restate: three steps, each a call to a participant, with
// compensation in reverse order.
//
//   node services.mjs PORT

// The SDK wants Node 22 for this one function.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new this((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};

const restate = await import("@restatedev/restate-sdk");

const participant = restate.service({
  name: "Participant",
  handlers: {
    act: async (context, command) => ({ done: command.step }),
  },
});

const order = restate.service({
  name: "Order",
  handlers: {
    run: async (context, input) => {
      const issued = [];
      try {
        for (const step of ["credit", "stock", "charge"]) {
          issued.push(step);
          await context.serviceClient(participant).act({ ...input, step });
        }
      } catch (error) {
        while (issued.length > 0) {
          await context.serviceClient(participant).act({ ...input, step: `undo ${issued.pop()}` });
        }
        throw error;
      }
      return { id: input.id };
    },
  },
});

await restate.serve({ services: [participant, order], port: Number(process.argv[2]) });
