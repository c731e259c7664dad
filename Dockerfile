# mini-faas in one image: every service and the command line.
#   docker build -t mini-faas .
#   docker run --rm -p 127.0.0.1:10500:10500 -v mini-faas:/data -v "$PWD/token:/run/token:ro" mini-faas
# Inside a container nothing but loopback is a private address, so a token is needed there.
FROM denoland/deno:2.9.6

WORKDIR /mini-faas
COPY deno.json deno.lock ./
COPY gen gen
COPY src src
RUN deno cache src/main.ts && mkdir /data

VOLUME /data
EXPOSE 10400 10500 10600
ENTRYPOINT ["deno", "run", "--no-prompt", "--cached-only", "--allow-net", "--allow-read", "--allow-write", \
  "--allow-env", "--allow-run", "--allow-sys", "src/main.ts"]
CMD ["up", "--data", "/data", "--host", "0.0.0.0", "--token-file", "/run/token"]
