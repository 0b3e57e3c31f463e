// What the HiveMQ client offers beyond JavaClient, feature by feature:
// `JavaFeatures TCP_PORT WSS_PORT CA.pem`, against a server that has the user `meter` with the
// password `secret`. Prints a line for each, and ends with 0.

import com.hivemq.client.mqtt.MqttClient;
import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.datatypes.MqttUtf8String;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient.Mqtt5Publishes;
import com.hivemq.client.mqtt.mqtt5.Mqtt5ClientBuilder;
import com.hivemq.client.mqtt.mqtt5.Mqtt5ClientConfig;
import com.hivemq.client.mqtt.mqtt5.auth.Mqtt5EnhancedAuthMechanism;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5ConnAckException;
import com.hivemq.client.mqtt.mqtt5.message.auth.Mqtt5Auth;
import com.hivemq.client.mqtt.mqtt5.message.auth.Mqtt5AuthBuilder;
import com.hivemq.client.mqtt.mqtt5.message.auth.Mqtt5EnhancedAuthBuilder;
import com.hivemq.client.mqtt.mqtt5.message.connect.Mqtt5Connect;
import com.hivemq.client.mqtt.mqtt5.message.connect.connack.Mqtt5ConnAck;
import com.hivemq.client.mqtt.mqtt5.message.disconnect.Mqtt5Disconnect;
import com.hivemq.client.mqtt.mqtt5.message.disconnect.Mqtt5DisconnectReasonCode;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5Publish;
import com.hivemq.client.mqtt.mqtt5.message.subscribe.Mqtt5RetainHandling;
import java.io.FileInputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.TrustManagerFactory;

public final class JavaFeatures {
  private static int tcp;
  private static int wss;
  private static String authority;

  // The client's side of SCRAM-SHA-256: RFC 5802.
  private static final class Scram implements Mqtt5EnhancedAuthMechanism {
    private final Base64.Encoder encoder = Base64.getEncoder();
    private String bare;
    private String expected;
    boolean isProven;

    private byte[] first() {
      bare = "n=meter,r=" + UUID.randomUUID();
      return bytes("n,," + bare);
    }

    private byte[] finish(String challenge) {
      try {
        String[] parts = challenge.split(",");
        byte[] salt = Base64.getDecoder().decode(parts[1].substring(2));
        int count = Integer.parseInt(parts[2].substring(2));
        byte[] salted = SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
            .generateSecret(new PBEKeySpec("secret".toCharArray(), salt, count, 256)).getEncoded();
        String rest = "c=biws," + parts[0];
        byte[] said = bytes(bare + "," + challenge + "," + rest);
        byte[] key = hmac(salted, bytes("Client Key"));
        byte[] signature = hmac(MessageDigest.getInstance("SHA-256").digest(key), said);
        for (int i = 0; i < key.length; ++i) key[i] ^= signature[i];
        expected = "v=" + encoder.encodeToString(hmac(hmac(salted, bytes("Server Key")), said));
        return bytes(rest + ",p=" + encoder.encodeToString(key));
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    }

    private static byte[] hmac(byte[] key, byte[] text) throws Exception {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return mac.doFinal(text);
    }

    private CompletableFuture<Boolean> check(ByteBuffer data) {
      isProven = text(data).equals(expected);
      return CompletableFuture.completedFuture(isProven);
    }

    @Override public MqttUtf8String getMethod() { return MqttUtf8String.of("SCRAM-SHA-256"); }
    @Override public int getTimeout() { return 30; }
    @Override public CompletableFuture<Void> onAuth(
        Mqtt5ClientConfig config, Mqtt5Connect connect, Mqtt5EnhancedAuthBuilder builder) {
      builder.data(first());
      return CompletableFuture.completedFuture(null);
    }
    @Override public CompletableFuture<Void> onReAuth(
        Mqtt5ClientConfig config, Mqtt5AuthBuilder builder) {
      isProven = false;
      builder.data(first());
      return CompletableFuture.completedFuture(null);
    }
    @Override public CompletableFuture<Boolean> onContinue(
        Mqtt5ClientConfig config, Mqtt5Auth auth, Mqtt5AuthBuilder builder) {
      builder.data(finish(text(auth.getData().orElseThrow())));
      return CompletableFuture.completedFuture(true);
    }
    @Override public CompletableFuture<Boolean> onAuthSuccess(
        Mqtt5ClientConfig config, Mqtt5ConnAck connack) {
      return check(connack.getEnhancedAuth().orElseThrow().getData().orElseThrow());
    }
    @Override public CompletableFuture<Boolean> onReAuthSuccess(
        Mqtt5ClientConfig config, Mqtt5Auth auth) {
      return check(auth.getData().orElseThrow());
    }
    @Override public void onAuthRejected(Mqtt5ClientConfig config, Mqtt5ConnAck connack) {}
    @Override public void onReAuthRejected(Mqtt5ClientConfig config, Mqtt5Disconnect farewell) {}
    @Override public void onAuthError(Mqtt5ClientConfig config, Throwable cause) {}
    @Override public void onReAuthError(Mqtt5ClientConfig config, Throwable cause) {}
  }

  public static void main(String[] arguments) throws Exception {
    tcp = Integer.parseInt(arguments[0]);
    wss = Integer.parseInt(arguments[1]);
    authority = arguments[2];
    logIn();
    refused();
    Mqtt5BlockingClient one = come("one");
    Mqtt5BlockingClient other = come("other");
    Mqtt5Publishes inbox = one.publishes(MqttGlobalPublishFilter.ALL);
    Mqtt5Publishes others = other.publishes(MqttGlobalPublishFilter.ALL);
    subscriptionOptions(one, other, inbox);
    shared(one, other, inbox, others);
    request(one, other, inbox, others);
    delayedWill(other, others);
    tooLarge(other);
    System.exit(0);  // the client's own threads would stay a while
  }

  private static byte[] bytes(String text) { return text.getBytes(StandardCharsets.UTF_8); }
  private static String text(ByteBuffer data) {
    return StandardCharsets.UTF_8.decode(data.asReadOnlyBuffer()).toString();
  }
  private static String text(Mqtt5Publish message) {
    return new String(message.getPayloadAsBytes(), StandardCharsets.UTF_8);
  }

  private static Mqtt5ClientBuilder builder(String name) {
    return MqttClient.builder().identifier("java-features-" + name).serverHost("127.0.0.1")
        .serverPort(tcp).useMqttVersion5();
  }

  private static Mqtt5ClientBuilder withPassword(String name) {
    return builder(name).simpleAuth().username("meter").password(bytes("secret"))
        .applySimpleAuth();
  }

  private static Mqtt5BlockingClient come(String name) {
    Mqtt5BlockingClient client = withPassword(name).buildBlocking();
    client.connect();
    return client;
  }

  private static void send(Mqtt5BlockingClient client, String topic, String payload) {
    client.publishWith().topic(topic).qos(MqttQos.AT_LEAST_ONCE).payload(bytes(payload)).send();
  }

  private static Mqtt5Publish next(Mqtt5Publishes inbox) throws Exception {
    return inbox.receive(20, TimeUnit.SECONDS).orElseThrow();
  }

  private static void logIn() throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (FileInputStream file = new FileInputStream(authority)) {
      trusted.setCertificateEntry(
          "authority", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(trusted);
    Scram scram = new Scram();
    Mqtt5BlockingClient client = builder("scram").serverPort(wss).serverHost("localhost")
        .sslConfig().trustManagerFactory(factory).applySslConfig()
        .webSocketConfig().serverPath("mqtt").applyWebSocketConfig()
        .enhancedAuth(scram).buildBlocking();
    int reason = client.connect().getReasonCode().getCode();
    System.out.println("login " + reason
        + (scram.isProven ? " with" : " without") + " a proof of the server");
    client.reauth();
    System.out.println("login again " + (scram.isProven ? 0 : 1));
    client.disconnect();
  }

  private static void refused() {
    try {
      builder("wrong").simpleAuth().username("meter").password(bytes("wrong")).applySimpleAuth()
          .buildBlocking().connect();
    } catch (Mqtt5ConnAckException refusal) {
      System.out.println("wrong password " + refusal.getMqttMessage().getReasonCode().getCode());
    }
  }

  private static void subscriptionOptions(
      Mqtt5BlockingClient one, Mqtt5BlockingClient other, Mqtt5Publishes inbox) throws Exception {
    one.subscribeWith().topicFilter("j/local").qos(MqttQos.AT_LEAST_ONCE).noLocal(true)
        .retainAsPublished(true).send();
    send(one, "j/local", "own");
    other.publishWith().topic("j/local").qos(MqttQos.AT_LEAST_ONCE).payload(bytes("of another"))
        .retain(true).send();
    Mqtt5Publish found = next(inbox);
    System.out.println("no local '" + text(found) + "'" + (found.isRetain() ? " retain" : ""));
    other.publishWith().topic("j/handling").qos(MqttQos.AT_LEAST_ONCE).payload(bytes("kept"))
        .retain(true).send();
    for (Mqtt5RetainHandling handling : new Mqtt5RetainHandling[] {
        Mqtt5RetainHandling.DO_NOT_SEND, Mqtt5RetainHandling.SEND_IF_SUBSCRIPTION_DOES_NOT_EXIST,
        Mqtt5RetainHandling.SEND})
      one.subscribeWith().topicFilter("j/handling").qos(MqttQos.AT_LEAST_ONCE)
          .retainHandling(handling).send();
    send(other, "j/handling", "end");
    int kept = 0;
    while (!text(next(inbox)).equals("end")) ++kept;
    System.out.println("retain handling 'kept' " + (kept == 1 ? "once" : kept + " times"));
  }

  private static void shared(Mqtt5BlockingClient one, Mqtt5BlockingClient other,
      Mqtt5Publishes inbox, Mqtt5Publishes others) throws Exception {
    for (Mqtt5BlockingClient member : new Mqtt5BlockingClient[] {one, other})
      member.subscribeWith().topicFilter("$share/java/j/shared").qos(MqttQos.AT_LEAST_ONCE).send();
    Mqtt5BlockingClient publisher = come("publisher");
    for (int i = 0; i < 20; ++i) send(publisher, "j/shared", "" + i);
    publisher.disconnect();
    int count = 0;
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (count < 20 && System.nanoTime() < until) {
      if (inbox.receive(10, TimeUnit.MILLISECONDS).isPresent()) ++count;
      if (others.receive(10, TimeUnit.MILLISECONDS).isPresent()) ++count;
    }
    System.out.println("shared " + count + " of 20");
  }

  private static void request(Mqtt5BlockingClient one, Mqtt5BlockingClient other,
      Mqtt5Publishes inbox, Mqtt5Publishes others) throws Exception {
    other.subscribeWith().topicFilter("j/question").qos(MqttQos.AT_LEAST_ONCE).send();
    one.subscribeWith().topicFilter("j/answer").qos(MqttQos.AT_LEAST_ONCE).send();
    one.publishWith().topic("j/question").qos(MqttQos.AT_LEAST_ONCE).payload(bytes("question"))
        .responseTopic("j/answer").correlationData(bytes("c")).send();
    Mqtt5Publish asked = next(others);
    other.publishWith().topic(asked.getResponseTopic().orElseThrow()).qos(MqttQos.AT_LEAST_ONCE)
        .payload(asked.getPayloadAsBytes())
        .correlationData(asked.getCorrelationData().orElseThrow()).send();
    Mqtt5Publish answer = next(inbox);
    System.out.println("answer '" + text(answer) + "' '"
        + text(answer.getCorrelationData().orElseThrow()) + "'");
  }

  private static void delayedWill(Mqtt5BlockingClient watcher, Mqtt5Publishes inbox)
      throws Exception {
    watcher.subscribeWith().topicFilter("j/will").qos(MqttQos.AT_LEAST_ONCE).send();
    Mqtt5BlockingClient dying = withPassword("dying").buildBlocking();
    dying.connectWith().cleanStart(false).sessionExpiryInterval(600)
        .willPublish().topic("j/will").payload(bytes("gone")).qos(MqttQos.AT_LEAST_ONCE)
        .delayInterval(600).applyWillPublish().send();
    dying.disconnectWith().sessionExpiryInterval(0)
        .reasonCode(Mqtt5DisconnectReasonCode.DISCONNECT_WITH_WILL_MESSAGE).send();
    System.out.println("delayed will '" + text(next(inbox)) + "' after its session");
  }

  private static void tooLarge(Mqtt5BlockingClient publisher) throws Exception {
    Mqtt5BlockingClient small = withPassword("small").buildBlocking();
    small.connectWith().restrictions().maximumPacketSize(200).receiveMaximum(1)
        .applyRestrictions().send();
    Mqtt5Publishes inbox = small.publishes(MqttGlobalPublishFilter.ALL);
    small.subscribeWith().topicFilter("j/large").qos(MqttQos.AT_LEAST_ONCE).send();
    send(publisher, "j/large", "x".repeat(300));
    send(publisher, "j/large", "end");
    System.out.println("too large: " + (text(next(inbox)).equals("end") ? "dropped" : "delivered"));
  }
}
